/* The bus and the line of the ATmega328P, for avr_main.c and avr_sampler.c. */
#ifndef AVR_PORT_H
#define AVR_PORT_H

#include <avr/io.h>
#include <stdint.h>

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

/* Let the bus run at the rate of the potentiometers. Mode 0. */
static inline void port_set_chip_rate(void)
{
    SPCR = _BV(SPE) | _BV(MSTR) | SPI_RATE;
    SPSR = SPI_DOUBLE;
}

static inline uint8_t transfer(uint8_t byte)
{
    SPDR = byte;
    while (!(SPSR & _BV(SPIF)))
        ;
    return SPDR;
}

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

#endif
