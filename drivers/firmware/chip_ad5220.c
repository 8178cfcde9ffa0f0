/* AD5220, one rheostat between A and W, 128 positions, moved by pulses (Analog Devices, Rev. 0). It cannot be read, and its
 * terminals cannot be opened. The board counts its position. The wiper stops at code 0, so as many pulses as there are
 * positions bring it there from anywhere; setting code 0 always sends that many. */
#include <stddef.h>

#include "chip.h"
#include "core.h"
#include "hal.h"

enum { POSITIONS = 128, DOWN = 0, UP = 1 };

static uint16_t written[MAX_CHANNELS];
static uint8_t position[MAX_CHANNELS]; /* also while parked; `written` then has the code to return to */

static void write(uint8_t channel, uint16_t code)
{
    uint8_t to = (uint8_t)code;
    if (to == 0)
        hal_pulses(channel, DOWN, POSITIONS);
    else if (to > position[channel])
        hal_pulses(channel, UP, to - position[channel]);
    else if (to < position[channel])
        hal_pulses(channel, DOWN, position[channel] - to);
    position[channel] = to;
}

const struct chip chip = {
    .rheostats = 1, .write = write, .read = NULL, .written = written, .connect = NULL};
