/* A simulated AD5206 on its bus. */
#include "chips.h"
#include "hal.h"

enum { RHEOSTATS = 6 };

const uint16_t simulated_power_up_code = 128;

static struct simulated *selected;
static uint8_t number;
static uint16_t word;

void simulated_power_up(uint8_t channel)
{
    (void)channel;
}

void hal_select(uint8_t channel)
{
    selected = chips_at(channel);
    number = channel;
    word = 0xFFFF;
}

uint8_t hal_transfer(uint8_t byte)
{
    word = (uint16_t)(word << 8) | byte;
    return 0;
}

void hal_release(void)
{
    chips_must((word >> 8 & 7) == number % RHEOSTATS, "the address is that of the channel");
    chips_move(selected, word & 0xFF);
}
