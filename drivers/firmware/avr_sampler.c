/* The sources and inputs of the one-board bench on an ATmega328P: MCP4922 or MCP4822, MCP3208. Wiring: README.md.
 *
 * Sources 2k and 2k + 1 are outputs A and B of converter k, whose select line is D6 behind a 74HC138 with its address on
 * A0..A2; all converters share LDAC at D7. Inputs 0 to 7 and 8 to 15 are those of the MCP3208 at D8 and at D9.
 *
 * Timer 1 takes one scan per period. Bytes for the host go out while the bus shifts, so they cost a scan no time.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

#include "avr_port.h"
#include "hal.h"
#include "sampler.h"

enum { LATCH = _BV(PD7), OUTPUTS = _BV(PD6), FIRST_INPUTS = _BV(PB0), OTHER_INPUTS = _BV(PB1) };
enum { ADDRESS = 0x07 };                        /* A0..A2 */
enum { ACTIVE = 0x70, SECOND = 0x80 };          /* reference buffered, gain 1, output on; output B */
enum { START_SINGLE = 0x06 };                   /* and the highest bit of the input's number */
enum { RATE_OUTPUTS = 0, RATE_INPUTS = _BV(SPR0) }; /* with SPI2X: 8 MHz, 2 MHz */

/* The interrupt may be late by the longest other interrupt and one instruction; every scan waits until this time. */
enum { ALIGNED = 128 };

static uint8_t queue[256]; /* to the host; the index wraps by itself */
static volatile uint8_t queue_head, queue_tail;

/* Hand one byte to the line if it is free. Call with interrupts off. */
static inline void pump(void)
{
    uint8_t tail = queue_tail;
    if (tail != queue_head && (UCSR0A & _BV(UDRE0))) {
        UDR0 = queue[tail];
        queue_tail = tail + 1;
    }
}

void avr_pump(void)
{
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        pump();
    }
}

uint8_t avr_has_output(void)
{
    return queue_tail != queue_head;
}

void hal_send(uint8_t byte)
{
    uint8_t next = queue_head + 1;
    while (next == queue_tail)
        avr_pump();
    queue[queue_head] = byte;
    queue_head = next;
}

void hal_output_write(uint8_t source, uint16_t code)
{
    SPCR = _BV(SPE) | _BV(MSTR) | RATE_OUTPUTS;
    SPSR = _BV(SPI2X);
    PORTC = (PORTC & (uint8_t)~ADDRESS) | (source >> 1);
    PORTD &= (uint8_t)~OUTPUTS;
    transfer((uint8_t)(ACTIVE | (source & 1 ? SECOND : 0) | (code >> 8)));
    transfer((uint8_t)code);
    PORTD |= OUTPUTS;
    port_set_chip_rate();
}

void hal_output_latch(void)
{
    PORTD &= (uint8_t)~LATCH;
    __asm__ volatile("nop"); /* 100 ns at least */
    PORTD |= LATCH;
}

/* Call only from the scan, where interrupts are off. */
static inline uint8_t exchange_byte(uint8_t byte)
{
    SPDR = byte;
    pump();
    while (!(SPSR & _BV(SPIF)))
        ;
    return SPDR;
}

uint16_t hal_input_read(uint8_t input)
{
    uint8_t high, low, select = input & 8 ? OTHER_INPUTS : FIRST_INPUTS;
    SPCR = _BV(SPE) | _BV(MSTR) | RATE_INPUTS;
    SPSR = _BV(SPI2X);
    PORTB &= (uint8_t)~select;
    exchange_byte((uint8_t)(START_SINGLE | (input >> 2 & 1)));
    high = exchange_byte((uint8_t)(input << 6)) & 0x0F;
    low = exchange_byte(0);
    PORTB |= select;
    return (uint16_t)((uint16_t)high << 8) | low;
}

void hal_scans_start(uint16_t period)
{
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        TCCR1A = 0;
        TCCR1B = _BV(WGM12); /* from 0 to OCR1A, stopped */
        TCNT1 = 0;
        OCR1A = period - 1;
        TIFR1 = _BV(OCF1A);
        TIMSK1 = _BV(OCIE1A);
        TCCR1B = _BV(WGM12) | _BV(CS10);
    }
}

void hal_scans_stop(void)
{
    TIMSK1 = 0;
    TCCR1B = 0;
}

uint8_t hal_scan_is_late(void)
{
    return TIFR1 & _BV(OCF1A) ? 1 : 0;
}

/* Wait until the same cycle after every compare match, however late the interrupt came. The loop ends up to 7 cycles
 * after ALIGNED; the steps behind it take longer the earlier it ended. */
static inline void align(void)
{
    uint8_t count;
    do
        count = TCNT1L;
    while (count < ALIGNED);
    __asm__ volatile("sbrs %0, 0\n\trjmp .+0\n\t"
                     "sbrs %0, 1\n\trjmp .+0\n\t"
                     "sbrs %0, 1\n\trjmp .+0\n\t"
                     "sbrs %0, 2\n\trjmp .+0\n\t"
                     "sbrs %0, 2\n\trjmp .+0\n\t"
                     "sbrs %0, 2\n\trjmp .+0\n\t"
                     "sbrs %0, 2\n\trjmp .+0\n\t"
                     :
                     : "r"(count));
}

ISR(TIMER1_COMPA_vect)
{
    align();
    sampler_scan();
    port_set_chip_rate();
    if (UCSR0A & _BV(RXC0)) /* a next scan that is already due would come before the interrupt for this byte */
        avr_stop_scans();
}
