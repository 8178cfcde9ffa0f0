/* AD5206, six rheostats between A and W, SPI mode 0: 11 bits, A2..A0 D7..D0, the last ones before CS returns high (Analog
 * Devices, AD5204/AD5206 Rev. C). It cannot be read, and its terminals cannot be opened. */
#include <stddef.h>

#include "chip.h"
#include "core.h"
#include "hal.h"

enum { RHEOSTATS = 6 };

static uint16_t written[MAX_CHANNELS];

static void write(uint8_t channel, uint16_t code)
{
    hal_select(channel);
    hal_transfer(channel % RHEOSTATS);
    hal_transfer((uint8_t)code);
    hal_release();
}

const struct chip chip = {
    .rheostats = RHEOSTATS, .spi_mode = 0, .write = write, .read = NULL, .written = written, .connect = NULL};
