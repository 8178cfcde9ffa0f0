/* AD5293, one rheostat between A and W, SPI mode 1: words of 16 bits, 0 0 C3..C0, D9..D0 (Analog Devices, Rev. D).
 *
 * After power-up the wiper is write-protected until the control register unlocks it. The answer to a reading comes with
 * the next word. Outputs of many chips share a line, so each is switched off after a reading.
 */
#include "chip.h"
#include "hal.h"

enum {
    NOTHING = 0x0000,
    WRITE = 0x0400,
    READ = 0x0800,
    WRITE_CONTROL = 0x1800,
    READ_CONTROL = 0x1C00,
    SHUTDOWN = 0x2000,   /* D0: terminal A is open */
    OUTPUT_OFF = 0x8001, /* followed by NOTHING */
};
enum { UNLOCKED = 0x02 }; /* in the control register; the 1 % mode stays on */
enum { LARGEST = 0x3FF }; /* a missing chip reads higher than this: the line is pulled up */

static uint16_t exchange(uint8_t channel, uint16_t word)
{
    uint8_t high, low;
    hal_select(channel);
    high = hal_transfer((uint8_t)(word >> 8));
    low = hal_transfer((uint8_t)word);
    hal_release();
    return (uint16_t)((uint16_t)high << 8) | low;
}

static uint16_t ask(uint8_t channel, uint16_t word)
{
    uint16_t answer;
    exchange(channel, word);
    answer = exchange(channel, NOTHING);
    exchange(channel, OUTPUT_OFF);
    exchange(channel, NOTHING);
    return answer > LARGEST ? NO_ANSWER : answer;
}

static void begin(uint8_t channel)
{
    exchange(channel, OUTPUT_OFF);
    exchange(channel, NOTHING);
}

static void write(uint8_t channel, uint16_t code)
{
    exchange(channel, WRITE_CONTROL | UNLOCKED); /* each time: a chip may have lost its supply */
    exchange(channel, WRITE | code);
}

static uint16_t read(uint8_t channel)
{
    return ask(channel, READ);
}

/* The chip does not report whether it is in shutdown. A control register that reads back as written shows that it takes
 * commands. */
static uint8_t connect(uint8_t channel, uint8_t connected)
{
    exchange(channel, WRITE_CONTROL | UNLOCKED);
    exchange(channel, SHUTDOWN | (connected ? 0 : 1));
    uint16_t control = ask(channel, READ_CONTROL);
    return control != NO_ANSWER && (control & UNLOCKED) ? 1 : 0;
}

const struct chip chip = {
    .rheostats = 1, .spi_mode = 1, .begin = begin, .write = write, .read = read, .connect = connect};
