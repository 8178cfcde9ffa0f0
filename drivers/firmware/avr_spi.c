/* Chips with SPI on an ATmega328P. Wiring: README.md.
 *
 * The select line of chip k is D2 + k mod 8, with k / 8 on A0..A2: up to eight chips are connected to those lines directly,
 * more through one 74HC138 per line. The code is the same. The one-board bench has four of these lines, each with a decoder
 * for eight chips; the others select its converters (avr_sampler.c).
 */
#include "avr_port.h"
#include "hal.h"

void hal_select(uint8_t channel)
{
    port_select(channel);
}

void hal_release(void)
{
    port_release();
}

uint8_t hal_transfer(uint8_t byte)
{
    return transfer(byte);
}

void bus_begin(void)
{
    port_make_outputs();
    port_set_chip_rate();
}
