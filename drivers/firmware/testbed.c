/* The core as a shared library: time, resets and faults come from the caller, replies go to a buffer. */
#include <stddef.h>
#include <string.h>

#include "chips.h"
#include "converters.h"
#include "core.h"
#include "hal.h"

enum { CYCLES_PER_MS = 16000 };

static uint32_t now_ms;
static uint8_t out[1 << 18];
static size_t out_used;

void hal_send(uint8_t byte)
{
    if (out_used < sizeof out)
        out[out_used] = byte;
    out_used++;
}

uint32_t hal_now_ms(void)
{
    return now_ms;
}

uint16_t hal_overruns(void)
{
    return 0;
}

void testbed_reset(uint8_t channels, uint16_t boot_id, uint8_t reset_cause)
{
    bank_init(channels, boot_id, reset_cause);
}

void testbed_wait(uint32_t duration_ms)
{
    while (duration_ms--) {
#ifdef SAMPLER
        converters_let_pass(CYCLES_PER_MS);
#endif
        now_ms++;
        bank_poll();
    }
}

/* Take the bytes sent since the last call. Returns their number; if it exceeds `room`, the rest is lost. */
size_t testbed_take(uint8_t *bytes, size_t room)
{
    size_t used = out_used;
    memcpy(bytes, out, used < room ? used : room);
    out_used = 0;
    return used;
}

/* Returns the number of bytes in the replies; if it exceeds `room`, the rest is lost. */
size_t testbed_receive(const uint8_t *bytes, size_t count, uint8_t *replies, size_t room)
{
    for (size_t i = 0; i < count; i++)
        bank_receive(bytes[i]);
    bank_poll();
    return testbed_take(replies, room);
}
