/* Simulated MCP4251 chips: the wiper and terminal functions of hal.h, with faults, for every port without hardware. */
#ifndef CHIPS_H
#define CHIPS_H

#include <stdint.h>

#define CHIPS_POWER_UP_CODE 128 /* mid-scale, terminals connected: the data sheet's power-up state */

void chips_power_up(void); /* faults stay */
uint16_t chips_code(uint8_t channel);
uint8_t chips_connected(uint8_t channel);

void chips_stick(uint8_t channel, uint16_t code); /* writes no longer move this wiper */
void chips_mute(uint8_t channel);                 /* ignores everything, answers nothing */
void chips_lose(uint8_t channel, unsigned writes); /* so many writes to this wiper get lost */
void chips_heal(uint8_t channel);

/* Number of times that a wiper was written while its terminals were open, which the core never does. */
unsigned long chips_written_while_open(void);

#endif
