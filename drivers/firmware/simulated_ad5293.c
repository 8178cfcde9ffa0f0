/* A simulated AD5293 on its bus. It executes a word when it is deselected. Meanwhile it shifts out the answer to the word
 * before, or that word itself. The outputs of all chips share a line with a pull-up, so none may be left on. */
#include "chips.h"
#include "core.h"
#include "hal.h"

enum command { NOTHING = 0, WRITE = 1, READ = 2, WRITE_CONTROL = 6, READ_CONTROL = 7, SHUTDOWN = 8 };
enum { OUTPUT_OFF = 0x8001, UNLOCKED = 0x02, PULLED_UP = 0xFFFF };

const uint16_t simulated_power_up_code = 512;

static struct {
    uint8_t control, output_is_on;
    uint16_t answer, before; /* the next word out; the last word in */
} chips[MAX_CHANNELS];

static struct simulated *selected;
static uint8_t number, taken;
static uint16_t word;

void simulated_power_up(uint8_t channel)
{
    chips[channel].control = 0;
    chips[channel].output_is_on = 1;
    chips[channel].answer = chips[channel].before = 0;
}

void hal_select(uint8_t channel)
{
    selected = chips_at(channel);
    number = channel;
    taken = 0;
}

uint8_t hal_transfer(uint8_t byte)
{
    uint16_t answer = selected->fault != MUTE && chips[number].output_is_on ? chips[number].answer : PULLED_UP;
    word = (uint16_t)(word << 8) | byte;
    return taken++ == 0 ? (uint8_t)(answer >> 8) : (uint8_t)answer;
}

void hal_release(void)
{
    uint16_t before = chips[number].before, data = word & 0x3FF;
    chips_must(taken == 2, "a word has 16 bits");
    if (selected->fault == MUTE) {
        if (word >> 10 == WRITE)
            chips_move(selected, data);
        return;
    }
    chips[number].before = chips[number].answer = word;
    switch (word >> 10) {
    case NOTHING:
        if (before == OUTPUT_OFF)
            chips[number].output_is_on = 0;
        break;
    case WRITE:
        if (chips[number].control & UNLOCKED)
            chips_move(selected, data);
        break;
    case READ:
        chips[number].answer = selected->code;
        chips[number].output_is_on = 1;
        break;
    case WRITE_CONTROL:
        chips[number].control = (uint8_t)(data & 0x06);
        break;
    case READ_CONTROL:
        chips[number].answer = chips[number].control;
        chips[number].output_is_on = 1;
        break;
    case SHUTDOWN:
        selected->connected = !(data & 1);
        break;
    default:
        chips_must(word == OUTPUT_OFF, "a command exists");
    }
}
