/* Sources and inputs of the one-board bench: outputs that play tones, and scans of the inputs in step with them.
 *
 * A bank without converters is built without SAMPLER: it has none of this, and its program is the same as before.
 */
#ifndef SAMPLER_H
#define SAMPLER_H

#include <stdint.h>

#ifdef SAMPLER

#ifndef SOURCES
#define SOURCES 12
#endif
#ifndef INPUTS
#define INPUTS 16
#endif

/* Call after every reset: stops sampling and rests the outputs. */
void sampler_init(void);

/* Whether scans are being taken, so that the bus of the chips belongs to them. */
uint8_t sampler_is_busy(void);

/* Stop sampling; the outputs hold their levels. */
void sampler_halt(void);

/* Stop sampling, and set every output to the middle of its range, which is 0 V for the network. */
void sampler_rest(void);

/* Execute an op of the board; 0 if it has no such op. */
uint8_t sampler_execute(uint8_t op, const uint8_t *payload, uint16_t length);

void sampler_hello(void);  /* adds to the reply to HELLO */
void sampler_status(void); /* adds to the reply to STATUS */

/* Call as often as possible; it sends complete blocks of scans. */
void sampler_poll(void);

/* Take one scan: the port calls this once per period, from an interrupt. */
void sampler_scan(void);

#else

static inline void sampler_init(void) {}
static inline uint8_t sampler_is_busy(void) { return 0; }
static inline void sampler_halt(void) {}
static inline void sampler_rest(void) {}
static inline uint8_t sampler_execute(uint8_t op, const uint8_t *payload, uint16_t length)
{
    (void)op, (void)payload, (void)length;
    return 0;
}
static inline void sampler_hello(void) {}
static inline void sampler_status(void) {}
static inline void sampler_poll(void) {}

#endif

#endif
