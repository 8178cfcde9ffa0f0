/* Simulated converters, for every port without hardware. */
#ifndef CONVERTERS_H
#define CONVERTERS_H

#include <stdint.h>

uint16_t converters_output(uint8_t source); /* as the network sees it */
int converters_are_scanning(void);
void converters_are_late(int late); /* the next scan is due before one is over */

/* Let this number of cycles pass: every scan that is due within them is taken. */
void converters_let_pass(uint32_t cycles);

#endif
