/* ATmega328P (Arduino Uno, Nano): line, clock, main loop. Wiring: README.md. The bus of the chips: avr_spi.c. */
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
#if CHANNELS > MOST_CHANNELS
#error "more channels than 64 of these chips have"
#endif
#ifndef BAUD
#define BAUD 500000UL
#endif
#if BAUD < 57600
#error "BAUD is too low: the longest reply must be sent before the microcontroller's watchdog resets it"
#endif
#define UBRR_VALUE ((F_CPU + BAUD * 4UL) / (8UL * BAUD) - 1)

static volatile uint8_t ring[256], ring_head; /* the index wraps by itself */
static uint8_t ring_tail;
static volatile uint16_t overruns;
static volatile uint32_t now_ms;

ISR(USART_RX_vect)
{
    uint8_t lost = UCSR0A & _BV(DOR0), byte = UDR0, next = ring_head + 1;
    avr_stop_scans(); /* otherwise the next bytes may be lost during a scan; the core then ends the sampling */
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

/* A counter in EEPROM: two boots in a row never share an id. */
static uint16_t next_boot_id(void)
{
    uint16_t id = eeprom_read_word((const uint16_t *)0) + 1;
    eeprom_update_word((uint16_t *)0, id);
    return id;
}

static void set_up(void)
{
    bus_begin();

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
    wdt_enable(WDTO_250MS); /* if the program hangs, a reset opens the terminals */
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
        cli(); /* a byte that comes between the test and the sleep must still wake us: sei takes effect late */
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
