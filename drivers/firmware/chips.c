#include "chips.h"

#include <stdio.h>
#include <stdlib.h>

#include "core.h"

static struct simulated chips[MAX_CHANNELS];

static unsigned long written_while_open;

void chips_must(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "the core broke a promise: %s\n", what);
        abort();
    }
}

struct simulated *chips_at(uint8_t channel)
{
    chips_must(channel < MAX_CHANNELS, "a channel exists");
    return &chips[channel];
}

void chips_move(struct simulated *at, uint16_t code)
{
    chips_must(code <= HIGHEST_CODE, "a code exists");
    written_while_open += !at->connected;
    if (at->to_lose)
        at->to_lose--;
    else if (at->fault == NONE)
        at->code = code;
}

void chips_power_up(void)
{
    for (uint8_t channel = 0; channel < MAX_CHANNELS; channel++) {
        if (chips[channel].fault != STUCK)
            chips[channel].code = simulated_power_up_code;
        chips[channel].connected = 1;
        simulated_power_up(channel);
    }
    written_while_open = 0;
}

uint16_t chips_code(uint8_t channel)
{
    return chips[channel].code;
}

uint8_t chips_connected(uint8_t channel)
{
    return chips[channel].connected;
}

void chips_stick(uint8_t channel, uint16_t code)
{
    chips[channel].code = code;
    chips[channel].fault = STUCK;
}

void chips_mute(uint8_t channel)
{
    chips[channel].fault = MUTE;
}

void chips_lose(uint8_t channel, unsigned writes)
{
    chips[channel].to_lose = writes;
}

void chips_heal(uint8_t channel)
{
    chips[channel].to_lose = 0;
    chips[channel].fault = NONE;
}

unsigned long chips_written_while_open(void)
{
    return written_while_open;
}
