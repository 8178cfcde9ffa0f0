/* A simulated AD5220: pulses beyond its ends have no effect. */
#include "chips.h"
#include "core.h"
#include "hal.h"

const uint16_t simulated_power_up_code = 64;

void simulated_power_up(uint8_t channel)
{
    (void)channel;
}

void hal_pulses(uint8_t channel, uint8_t up, uint8_t count)
{
    struct simulated *at = chips_at(channel);
    int code = at->code + (up ? count : -count);
    chips_must(count > 0, "pulses are sent to move a wiper");
    chips_move(at, (uint16_t)(code < 0 ? 0 : code > HIGHEST_CODE ? HIGHEST_CODE : code));
}
