/* The wipers and terminals of the bank, over the chip that is built in. */
#ifndef WIPERS_H
#define WIPERS_H

#include <stdint.h>

/* Call after every reset of the board. */
void wipers_begin(uint8_t channels);

void wiper_write(uint8_t channel, uint16_t code);
uint16_t wiper_read(uint8_t channel); /* NO_ANSWER if the chip does not answer; the last code written if it cannot be read */
uint8_t wipers_are_readable(void);
uint8_t terminals_switch(uint8_t channel, uint8_t connected); /* 1 if the chip confirms */

#endif
