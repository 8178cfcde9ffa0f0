#include "chips.h"

#include <stdio.h>
#include <stdlib.h>

#include "core.h"
#include "hal.h"

enum fault { NONE, STUCK, MUTE };

static struct {
    uint16_t code;
    uint8_t connected;
    enum fault fault;
    unsigned to_lose;
} chips[MAX_CHANNELS];

static unsigned long written_while_open;

/* A request that reaches beyond the bank is a bug of the core, never of the host. */
static void must(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "the core broke a promise: %s\n", what);
        abort();
    }
}

void chips_power_up(void)
{
    for (int channel = 0; channel < MAX_CHANNELS; channel++) {
        if (chips[channel].fault != STUCK)
            chips[channel].code = CHIPS_POWER_UP_CODE;
        chips[channel].connected = 1;
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

void hal_wiper_write(uint8_t channel, uint16_t code)
{
    must(channel < MAX_CHANNELS, "a channel exists");
    must(code <= HIGHEST_CODE, "a code exists");
    written_while_open += !chips[channel].connected;
    if (chips[channel].to_lose)
        chips[channel].to_lose--;
    else if (chips[channel].fault == NONE)
        chips[channel].code = code;
}

uint16_t hal_wiper_read(uint8_t channel)
{
    must(channel < MAX_CHANNELS, "a channel exists");
    return chips[channel].fault == MUTE ? HAL_NO_ANSWER : chips[channel].code;
}

void hal_terminals_write(uint8_t channel, uint8_t connected)
{
    must(channel < MAX_CHANNELS, "a channel exists");
    if (chips[channel].fault != MUTE)
        chips[channel].connected = connected;
}

uint16_t hal_terminals_read(uint8_t channel)
{
    must(channel < MAX_CHANNELS, "a channel exists");
    return chips[channel].fault == MUTE ? HAL_NO_ANSWER : chips[channel].connected;
}
