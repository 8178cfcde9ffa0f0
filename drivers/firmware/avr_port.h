/* The bus and the line of the ATmega328P, for the files avr_*.c. */
#ifndef AVR_PORT_H
#define AVR_PORT_H

#include <avr/io.h>
#include <stdint.h>

#include "chip.h"

#ifndef SPI_DIVIDER
#define SPI_DIVIDER 4
#endif
#if SPI_DIVIDER == 4
enum { SPI_RATE = 0, SPI_DOUBLE = 0 };
#elif SPI_DIVIDER == 8
enum { SPI_RATE = _BV(SPR0), SPI_DOUBLE = _BV(SPI2X) };
#elif SPI_DIVIDER == 16
enum { SPI_RATE = _BV(SPR0), SPI_DOUBLE = 0 };
#elif SPI_DIVIDER == 32
enum { SPI_RATE = _BV(SPR1), SPI_DOUBLE = _BV(SPI2X) };
#elif SPI_DIVIDER == 64
enum { SPI_RATE = _BV(SPR1), SPI_DOUBLE = 0 };
#else
#error "SPI_DIVIDER is 4, 8, 16, 32 or 64"
#endif

/* Set the bus to the rate and the mode of the potentiometers. */
static inline void port_set_chip_rate(void)
{
    SPCR = _BV(SPE) | _BV(MSTR) | SPI_RATE | (chip.spi_mode ? _BV(CPHA) : 0);
    SPSR = SPI_DOUBLE;
}

static inline uint8_t transfer(uint8_t byte)
{
    SPDR = byte;
    while (!(SPSR & _BV(SPIF)))
        ;
    return SPDR;
}

void bus_begin(void); /* makes the pins of the chips outputs; no chip sees an edge */

#ifdef SAMPLER
#define POT_LINE(chip) ((chip) >> 3) /* D2 ... D5; the converters have the others */
#define POT_ADDRESS(chip) ((chip) & 7)
static inline void avr_stop_scans(void) { TIMSK1 = 0; }
void avr_pump(void);
uint8_t avr_has_output(void);
#else
#define POT_LINE(chip) ((chip) & 7)
#define POT_ADDRESS(chip) ((chip) >> 3)
static inline void avr_stop_scans(void) {}
static inline void avr_pump(void) {}
static inline uint8_t avr_has_output(void) { return 0; }
#endif

/* D2..D7 are PD2..PD7, D8 and D9 are PB0 and PB1. */
static inline void port_select(uint8_t channel)
{
    uint8_t at = channel / chip.rheostats, line = POT_LINE(at);
    PORTC = (PORTC & ~0x07) | POT_ADDRESS(at);
    if (line < 6)
        PORTD &= ~_BV(line + 2);
    else
        PORTB &= ~_BV(line - 6);
}

static inline void port_release(void)
{
    PORTD |= 0xFC;
    PORTB |= 0x03;
}

/* PB2: as an input it could end master mode. */
static inline void port_make_outputs(void)
{
    port_release(); /* before the pins become outputs, so that no chip sees an edge */
    DDRD |= 0xFC;
    DDRB |= _BV(PB0) | _BV(PB1) | _BV(PB2) | _BV(PB3) | _BV(PB5);
    DDRC |= 0x07;
}

#endif
