/* MCP4651, two rheostats, two-wire bus: address 0101 A2 A1 A0, then (register << 4) | (command << 2) | D8, and D7..D0
 * (Microchip DS22096). A reading has two bytes, the first of which ends in D8. */
#include "chip.h"
#include "hal.h"

enum { WRITE = 0, READ = 3 };
enum { TCON = 4, CONNECTED = 0x1FF, OPEN = 0x188 }; /* OPEN: A, W, B off, hardware shutdown bits left alone */
enum { FROM_CHIP = 1 };                             /* the direction, in hal_start */

static void set(uint8_t channel, uint8_t address, uint16_t value)
{
    if (hal_start(channel, 0) && hal_put((uint8_t)(address << 4 | WRITE << 2 | value >> 8)))
        hal_put((uint8_t)value);
    hal_stop();
}

static uint16_t get(uint8_t channel, uint8_t address)
{
    uint16_t value = NO_ANSWER;
    if (hal_start(channel, 0) && hal_put((uint8_t)(address << 4 | READ << 2)) && hal_start(channel, FROM_CHIP)) {
        value = (uint16_t)((uint16_t)(hal_get(0) & 1) << 8);
        value |= hal_get(1);
    }
    hal_stop();
    return value;
}

static void write(uint8_t channel, uint16_t code)
{
    set(channel, channel & 1, code);
}

static uint16_t read(uint8_t channel)
{
    return get(channel, channel & 1);
}

static uint8_t connect(uint8_t channel, uint8_t connected)
{
    uint16_t terminals = connected ? CONNECTED : OPEN;
    set(channel, TCON, terminals);
    return get(channel, TCON) == terminals;
}

const struct chip chip = {.rheostats = 2, .write = write, .read = read, .connect = connect};
