/* The bank: protocol and state machine of README.md, portable, over the functions of hal.h. */
#ifndef CORE_H
#define CORE_H

#include <stdint.h>

#ifndef MAX_CHANNELS
#define MAX_CHANNELS 128 /* channel numbers and counts travel in one byte, a whole table in one frame */
#endif
#ifndef PART
#define PART "MCP4251-104"
#endif
#ifndef HIGHEST_CODE
#define HIGHEST_CODE 256
#endif

/* Call after every reset. Opens all terminals; the staged table becomes the codes of the chips. */
void bank_init(uint8_t channels, uint16_t boot_id, uint8_t reset_cause);

/* Call with every byte received. */
void bank_receive(uint8_t byte);

/* Call as often as possible; it checks the watchdog. */
void bank_poll(void);

#endif
