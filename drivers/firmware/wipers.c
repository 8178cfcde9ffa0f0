#include "wipers.h"

#include "chip.h"

void wipers_begin(uint8_t channels)
{
    for (uint8_t channel = 0; channel < channels; channel++) {
        if (!chip.read)
            chip.written[channel] = 0; /* where terminals_switch parks it next */
        if (chip.begin)
            chip.begin(channel);
    }
}

void wiper_write(uint8_t channel, uint16_t code)
{
    if (!chip.read)
        chip.written[channel] = code;
    chip.write(channel, code);
}

uint16_t wiper_read(uint8_t channel)
{
    return chip.read ? chip.read(channel) : chip.written[channel];
}

uint8_t wipers_are_readable(void)
{
    return chip.read ? 1 : 0;
}

uint8_t terminals_switch(uint8_t channel, uint8_t connected)
{
    if (chip.connect)
        return chip.connect(channel, connected);
    chip.write(channel, 0);
    if (connected)
        chip.write(channel, chip.written[channel]);
    return 1;
}
