/* A simulated MCP4251 on its bus. A byte answers while it is shifted in, so D8 and the error flag come with the command. */
#include "chips.h"
#include "core.h"
#include "hal.h"

enum { TCON = 4, ALL_CONNECTED = 0x1FF, ALL_OPEN = 0x188 };
enum { WRITE = 0, READ = 3 };
enum { ANSWER_OK = 0xFE, NOBODY = 0x00 }; /* the line has a pull-down */

const uint16_t simulated_power_up_code = 128;

static uint16_t terminals[MAX_CHANNELS];
static struct simulated *selected;
static uint8_t number, taken, command;

void simulated_power_up(uint8_t channel)
{
    terminals[channel] = ALL_CONNECTED;
}

void hal_select(uint8_t channel)
{
    selected = chips_at(channel);
    number = channel;
    taken = 0;
}

void hal_release(void)
{
    chips_must(taken == 2, "a word has 16 bits");
}

static uint16_t held(void)
{
    return command >> 4 == TCON ? terminals[number] : selected->code;
}

static uint8_t is_understood(void)
{
    uint8_t address = command >> 4, what = command >> 2 & 3;
    return (address == TCON || address == (number & 1)) && (what == WRITE || what == READ);
}

static void take(uint16_t word)
{
    if (command >> 4 != TCON) {
        chips_move(selected, word);
    } else {
        terminals[number] = word | 0x100;
        chips_must(word == ALL_CONNECTED || word == ALL_OPEN, "all terminals are switched alike");
        selected->connected = word == ALL_CONNECTED;
    }
}

uint8_t hal_transfer(uint8_t byte)
{
    uint8_t reads, muted = selected->fault == MUTE;
    if (taken++ == 0) {
        command = byte;
        chips_must(is_understood(), "a command exists");
        reads = (command >> 2 & 3) == READ;
        return muted ? NOBODY : (uint8_t)(ANSWER_OK | (reads ? held() >> 8 : 1));
    }
    reads = (command >> 2 & 3) == READ;
    if (!reads && (!muted || command >> 4 != TCON))
        take((uint16_t)((uint16_t)(command & 3) << 8) | byte);
    return muted ? NOBODY : reads ? (uint8_t)held() : 0xFF;
}
