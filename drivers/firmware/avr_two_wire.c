/* Chips on two-wire buses on an ATmega328P: SCL at A5, and eight lines SDA at D2..D9. Wiring: README.md.
 *
 * Chip k is at SDA line k mod 8, with the address k / 8. The port pulls lines down or lets go of them; resistors pull up.
 * If a chip holds SDA down, its bus is clocked until it lets go. If it never does, the chip counts as not answering;
 * nothing waits for ever.
 */
#include <util/delay_basic.h>

#include "avr_port.h"
#include "hal.h"

enum { FAMILY = 0x50, CLOCK = _BV(PC5), LOWEST_OF_B = 6 };
enum { LOOPS = 3 }; /* of three cycles: SCL is low for 1.3 us and high for 0.6 us at least */

static volatile uint8_t *directions = &DDRD; /* of the SDA line in use: an output pulls it down */
static uint8_t mask;

static inline void data(uint8_t high)
{
    if (high)
        *directions &= (uint8_t)~mask;
    else
        *directions |= mask;
    _delay_loop_1(LOOPS);
}

static inline uint8_t data_is_high(void)
{
    return *(directions - 1) & mask ? 1 : 0; /* PINx is below DDRx */
}

static inline void clock(uint8_t high)
{
    if (high)
        DDRC &= (uint8_t)~CLOCK;
    else
        DDRC |= CLOCK;
    if (high)
        _delay_loop_1(LOOPS);
}

static uint8_t bit(uint8_t high)
{
    uint8_t seen;
    data(high);
    clock(1);
    seen = data_is_high();
    clock(0);
    return seen;
}

uint8_t hal_start(uint8_t channel, uint8_t read)
{
    uint8_t at = channel / chip.rheostats, line = POT_LINE(at);
    directions = line >= LOWEST_OF_B ? &DDRB : &DDRD;
    mask = line >= LOWEST_OF_B ? _BV(line - LOWEST_OF_B) : _BV(line + 2);
    data(1);
    clock(1);
    for (uint8_t clocks = 0; !data_is_high() && clocks < 9; clocks++) {
        clock(0);
        clock(1);
    }
    data(0);
    clock(0);
    return hal_put((uint8_t)(FAMILY | POT_ADDRESS(at) << 1 | read));
}

uint8_t hal_put(uint8_t byte)
{
    for (uint8_t left = 8; left--; byte <<= 1)
        bit(byte >> 7);
    return !bit(1);
}

uint8_t hal_get(uint8_t last)
{
    uint8_t byte = 0;
    for (uint8_t left = 8; left--;)
        byte = (uint8_t)(byte << 1) | bit(1);
    bit(last);
    return byte;
}

void hal_stop(void)
{
    data(0);
    clock(1);
    data(1);
}

/* Inputs without the internal pull-ups, which would pull to a supply that is not that of the chips. */
void bus_begin(void)
{
    DDRD &= 0x03;
    PORTD &= 0x03;
    DDRB &= (uint8_t)~(_BV(PB0) | _BV(PB1));
    PORTB &= (uint8_t)~(_BV(PB0) | _BV(PB1));
    DDRC &= (uint8_t)~CLOCK;
    PORTC &= (uint8_t)~CLOCK;
}
