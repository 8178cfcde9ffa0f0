/* ATmega328P (Arduino Uno, Nano) with MCP4251 chips. Wiring: README.md.
 *
 * Chip k holds channels 2k and 2k+1. Its select line is D2 + k mod 8, with k / 8 on A0..A2: up to eight chips hang on
 * those lines directly, more through one 74HC138 per line. The code is the same. The one-board bench has four of these
 * lines, each with a decoder for eight chips; the others select its converters (avr_sampler.c).
 */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>
#include <util/atomic.h>

#include "avr_port.h"
#include "core.h"
#include "hal.h"

#ifndef CHANNELS
#define CHANNELS 4
#endif
#if CHANNELS > MAX_CHANNELS
#error "more channels than the core has room for"
#endif
#ifndef BAUD
#define BAUD 500000UL
#endif
#if BAUD < 57600
#error "the longest reply must be out before the watchdog of the program bites"
#endif
#define UBRR_VALUE ((F_CPU + BAUD * 4UL) / (8UL * BAUD) - 1)

enum { WRITE = 0x00, READ = 0x0C, DATA_HIGH = 0x03 }; /* command byte: A3..A0 C1 C0 D9 D8 */
enum { TCON = 4, CONNECTED = 0xFF, OPEN = 0x88 };     /* OPEN: A, W, B off, hardware shutdown bits left alone */
enum { ANSWER_OK = 0x02 };                            /* in the first byte of an answer, above D8 */

static volatile uint8_t ring[256], ring_head; /* the index wraps by itself */
static uint8_t ring_tail;
static volatile uint16_t overruns;
static volatile uint32_t now_ms;

ISR(USART_RX_vect)
{
    uint8_t lost = UCSR0A & _BV(DOR0), byte = UDR0, next = ring_head + 1;
    avr_stop_scans(); /* otherwise the next bytes may be lost while one is taken; the core then ends the sampling */
    if (lost || next == ring_tail)
        overruns++;
    if (next == ring_tail)
        return;
    ring[ring_head] = byte;
    ring_head = next;
}

ISR(TIMER0_COMPA_vect)
{
    now_ms++;
}

#ifndef SAMPLER
void hal_send(uint8_t byte)
{
    while (!(UCSR0A & _BV(UDRE0)))
        ;
    UDR0 = byte;
}
#endif

uint32_t hal_now_ms(void)
{
    uint32_t copy;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        copy = now_ms;
    }
    return copy;
}

uint16_t hal_overruns(void)
{
    uint16_t copy;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        copy = overruns;
    }
    return copy;
}

/* D2..D7 are PD2..PD7, D8 and D9 are PB0 and PB1. */
static void select_chip(uint8_t channel)
{
    uint8_t chip = channel >> 1, line = POT_LINE(chip);
    PORTC = (PORTC & ~0x07) | POT_ADDRESS(chip);
    if (line < 6)
        PORTD &= ~_BV(line + 2);
    else
        PORTB &= ~_BV(line - 6);
}

static void release_chips(void)
{
    PORTD |= 0xFC;
    PORTB |= 0x03;
}

static uint16_t exchange(uint8_t channel, uint8_t address, uint8_t command, uint8_t data)
{
    uint8_t high, low;
    select_chip(channel);
    high = transfer((uint8_t)(address << 4) | command);
    low = transfer(data);
    release_chips();
    if (!(high & ANSWER_OK))
        return HAL_NO_ANSWER;
    return (uint16_t)((uint16_t)(high & 1) << 8) | low;
}

void hal_wiper_write(uint8_t channel, uint16_t code)
{
    exchange(channel, channel & 1, WRITE | (code >> 8), (uint8_t)code);
}

uint16_t hal_wiper_read(uint8_t channel)
{
    return exchange(channel, channel & 1, READ | DATA_HIGH, 0xFF);
}

void hal_terminals_write(uint8_t channel, uint8_t connected)
{
    exchange(channel, TCON, WRITE | 1, connected ? CONNECTED : OPEN); /* D8 is reserved and reads as 1 */
}

uint16_t hal_terminals_read(uint8_t channel)
{
    uint16_t answer = exchange(channel, TCON, READ | DATA_HIGH, 0xFF);
    if (answer == (0x100 | CONNECTED))
        return 1;
    if (answer == (0x100 | OPEN))
        return 0;
    return HAL_NO_ANSWER;
}

/* A counter in EEPROM: two boots in a row never share an id. */
static uint16_t next_boot_id(void)
{
    uint16_t id = eeprom_read_word((const uint16_t *)0) + 1;
    eeprom_update_word((uint16_t *)0, id);
    return id;
}

static void set_up(void)
{
    release_chips(); /* before the pins become outputs, so that no chip sees an edge */
    DDRD |= 0xFC;
    DDRB |= _BV(PB0) | _BV(PB1) | _BV(PB2) | _BV(PB3) | _BV(PB5); /* PB2: as an input it could end master mode */
    DDRC |= 0x07;
    port_set_chip_rate();

    UCSR0A = _BV(U2X0);
    UBRR0 = UBRR_VALUE;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);

    TCCR0A = _BV(WGM01); /* 1 kHz */
    TCCR0B = _BV(CS01) | _BV(CS00);
    OCR0A = F_CPU / 64 / 1000 - 1;
    TIMSK0 = _BV(OCIE0A);
}

int main(void)
{
    uint8_t reset_cause = MCUSR;
    MCUSR = 0;
    wdt_enable(WDTO_250MS); /* the program itself hangs: reset, and so terminals open */
    set_up();
    bank_init(CHANNELS, next_boot_id(), reset_cause);
    set_sleep_mode(SLEEP_MODE_IDLE);
    sei();
    for (;;) {
        wdt_reset();
        while (ring_tail != ring_head)
            bank_receive(ring[ring_tail++]);
        bank_poll();
        avr_pump();
        cli(); /* a byte that comes between the test and the sleep must still wake us: sei takes effect one later */
        if (ring_tail == ring_head && !avr_has_output()) {
            sleep_enable();
            sei();
            sleep_cpu();
            sleep_disable();
        } else {
            sei();
        }
    }
}
