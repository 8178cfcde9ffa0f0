/* Chips that are moved by pulses on an ATmega328P: CLK at D13, U/D at D11, select lines as for chips with SPI. */
#include "avr_port.h"
#include "hal.h"

enum { CLOCK = _BV(PB5), UP = _BV(PB3) };

void hal_pulses(uint8_t channel, uint8_t up, uint8_t count)
{
    if (up)
        PORTB |= UP;
    else
        PORTB &= (uint8_t)~UP;
    port_select(channel);
    while (count--) {
        PORTB |= CLOCK;
        PORTB &= (uint8_t)~CLOCK; /* the wiper moves */
    }
    port_release();
}

void bus_begin(void)
{
    port_make_outputs();
}
