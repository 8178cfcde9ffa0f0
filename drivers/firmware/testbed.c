/* The core as a shared library: time, resets and faults come from the caller, replies go to a buffer. */
#include <stddef.h>

#include "chips.h"
#include "core.h"
#include "hal.h"

static uint32_t now_ms;
static uint8_t *out;
static size_t out_room, out_used;

void hal_send(uint8_t byte)
{
    if (out_used < out_room)
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
        now_ms++;
        bank_poll();
    }
}

/* Returns how many bytes the replies have; more than `room` means that they were cut. */
size_t testbed_receive(const uint8_t *bytes, size_t count, uint8_t *replies, size_t room)
{
    out = replies;
    out_room = room;
    out_used = 0;
    for (size_t i = 0; i < count; i++)
        bank_receive(bytes[i]);
    bank_poll();
    return out_used;
}
