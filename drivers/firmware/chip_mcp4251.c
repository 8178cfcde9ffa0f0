/* MCP4251, two rheostats, SPI mode 0: words of 16 bits, A3..A0 C1 C0 D9 D8, D7..D0 (Microchip DS22060). */
#include "chip.h"
#include "hal.h"

enum { WRITE = 0x00, READ = 0x0C, DATA_HIGH = 0x03 }; /* in the first byte */
enum { TCON = 4, CONNECTED = 0xFF, OPEN = 0x88 };     /* OPEN: A, W, B off, hardware shutdown bits left alone */
enum { ANSWER_OK = 0x02 };                            /* in the first byte of an answer, above D8 */

static uint16_t exchange(uint8_t channel, uint8_t address, uint8_t command, uint8_t data)
{
    uint8_t high, low;
    hal_select(channel);
    high = hal_transfer((uint8_t)(address << 4) | command);
    low = hal_transfer(data);
    hal_release();
    if (!(high & ANSWER_OK))
        return NO_ANSWER;
    return (uint16_t)((uint16_t)(high & 1) << 8) | low;
}

static void write(uint8_t channel, uint16_t code)
{
    exchange(channel, channel & 1, WRITE | (uint8_t)(code >> 8), (uint8_t)code);
}

static uint16_t read(uint8_t channel)
{
    return exchange(channel, channel & 1, READ | DATA_HIGH, 0xFF);
}

static uint8_t connect(uint8_t channel, uint8_t connected)
{
    uint8_t terminals = connected ? CONNECTED : OPEN;
    exchange(channel, TCON, WRITE | 1, terminals); /* D8 is reserved and reads as 1 */
    return exchange(channel, TCON, READ | DATA_HIGH, 0xFF) == (0x100 | terminals);
}

const struct chip chip = {.rheostats = 2, .spi_mode = 0, .write = write, .read = read, .connect = connect};
