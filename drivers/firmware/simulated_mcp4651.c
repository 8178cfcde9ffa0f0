/* A simulated MCP4651 on its bus, byte by byte. A mute chip does not acknowledge its address. */
#include "chips.h"
#include "core.h"
#include "hal.h"

enum { WRITE = 0, READ = 3 };
enum { TCON = 4, ALL_CONNECTED = 0x1FF, ALL_OPEN = 0x188 };

const uint16_t simulated_power_up_code = 128;

static uint16_t terminals[MAX_CHANNELS];
static struct simulated *selected; /* NULL: the bus is free */
static uint8_t number, from_chip, bytes, command;

void simulated_power_up(uint8_t channel)
{
    terminals[channel] = ALL_CONNECTED;
}

uint8_t hal_start(uint8_t channel, uint8_t read)
{
    chips_must(!read || (selected == chips_at(channel) && bytes == 1), "a reading follows its command");
    selected = chips_at(channel);
    number = channel;
    from_chip = read;
    bytes = 0;
    return selected->fault != MUTE;
}

uint8_t hal_put(uint8_t byte)
{
    chips_must(selected && !from_chip && bytes < 2, "the bus waits for a byte");
    if (bytes++ == 0) {
        uint8_t address = byte >> 4, what = byte >> 2 & 3;
        command = byte;
        chips_must(address == TCON || address == (number & 1), "a register exists");
        chips_must(what == WRITE || what == READ, "a command exists");
        return 1;
    }
    uint16_t word = (uint16_t)((uint16_t)(command & 3) << 8) | byte;
    chips_must((command >> 2 & 3) == WRITE, "only a command to write takes data");
    if (command >> 4 != TCON) {
        chips_move(selected, word);
        return 1;
    }
    chips_must(word == ALL_CONNECTED || word == ALL_OPEN, "all terminals are switched alike");
    terminals[number] = word;
    selected->connected = word == ALL_CONNECTED;
    return 1;
}

uint8_t hal_get(uint8_t last)
{
    uint16_t held = command >> 4 == TCON ? terminals[number] : selected->code;
    chips_must(selected && from_chip && last == (bytes == 1), "a reading has two bytes");
    return bytes++ == 0 ? (uint8_t)(held >> 8) : (uint8_t)held;
}

void hal_stop(void)
{
    selected = 0;
}
