/* The functions that a port must supply. Everything else is portable. */
#ifndef HAL_H
#define HAL_H

#include <stdint.h>

void hal_send(uint8_t byte);
uint32_t hal_now_ms(void);
uint16_t hal_overruns(void); /* received bytes lost before the core saw them */

/* SPI: select the chip of a channel, exchange bytes with it, release it. */
void hal_select(uint8_t channel);
uint8_t hal_transfer(uint8_t byte);
void hal_release(void);

/* Move the wiper of a channel by this number of pulses. */
void hal_pulses(uint8_t channel, uint8_t up, uint8_t count);

/* Two-wire bus: start or repeated start with the address of the channel's chip (read: the chip sends), bytes to and from
 * the chip, stop. hal_start and hal_put return 1 if the chip acknowledges. `last` marks the last byte to be read. */
uint8_t hal_start(uint8_t channel, uint8_t read);
uint8_t hal_put(uint8_t byte);
uint8_t hal_get(uint8_t last);
void hal_stop(void);

#ifdef SAMPLER
/* Write the code (12 bits) of an output; all outputs take over their codes at the next latch. */
void hal_output_write(uint8_t source, uint16_t code);
void hal_output_latch(void);
uint16_t hal_input_read(uint8_t input);

/* Call sampler_scan every `period` cycles of a 16 MHz clock, for the first time one period from now. */
void hal_scans_start(uint16_t period);
void hal_scans_stop(void);
uint8_t hal_scan_is_late(void); /* asked at the end of a scan: whether the next one is due already */
#endif

#endif
