/* The functions that a port must supply. Everything else is portable. */
#ifndef HAL_H
#define HAL_H

#include <stdint.h>

#define HAL_NO_ANSWER 0xFFFFu /* the chip flagged an error, or there is none */

void hal_send(uint8_t byte);
uint32_t hal_now_ms(void);
uint16_t hal_overruns(void); /* received bytes lost before the core saw them */

void hal_wiper_write(uint8_t channel, uint16_t code);
uint16_t hal_wiper_read(uint8_t channel);

/* All terminals of the channel: 1 connected, 0 open. A port may switch the whole chip, the core wants all alike. */
void hal_terminals_write(uint8_t channel, uint8_t connected);
uint16_t hal_terminals_read(uint8_t channel);

#ifdef SAMPLER
/* An output follows what was written at the next latch, together with all others. Codes have 12 bits. */
void hal_output_write(uint8_t source, uint16_t code);
void hal_output_latch(void);
uint16_t hal_input_read(uint8_t input);

/* Call sampler_scan every `period` cycles of a clock of 16 MHz, for the first time one period from now. */
void hal_scans_start(uint16_t period);
void hal_scans_stop(void);
uint8_t hal_scan_is_late(void); /* asked at the end of a scan: whether the next one is due already */
#endif

#endif
