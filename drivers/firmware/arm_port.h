/* The pins, the bus and the clock of the NUCLEO-F446RE, for the files arm_*.c. */
#ifndef ARM_PORT_H
#define ARM_PORT_H

#include <stdint.h>

#include "arm_registers.h"
#include "chip.h"

/* Clocks are counted in steps of 16 MHz, the clock of scans and of the internal oscillator. */
enum { STEP_HZ = 16000000 };
extern struct clocks {
    uint8_t core, bus1, bus2, timers; /* HCLK (system timer), PCLK1 (USART2), PCLK2 (SPI1), TIM2 */
} clocks;

void clocks_begin(void);
uint16_t next_boot_id(void);

/* The interrupt of the system timer comes every so many cycles of 16 MHz, first after one such period. It takes a scan, or
 * only wakes the program. */
enum { TICK = STEP_HZ / 1000 };
extern volatile uint8_t arm_scanning;
static inline void arm_tick(uint32_t cycles)
{
    SYSTICK->CSR = 0;
    SYSTICK->RVR = cycles * clocks.core - 1;
    SYSTICK->CVR = 0;
    ICSR = ICSR_PENDSTCLR;
    SYSTICK->CSR = SYSTICK_RUN;
}

/* Wait until a register shows these bits, but not for ever; 1 if it does. */
static inline uint8_t comes(reg *at, uint32_t mask, uint32_t bits)
{
    for (uint32_t turn = 0; turn < 40000; turn++) {
        if ((*at & mask) == bits)
            return 1;
    }
    return 0;
}

/* Wait for at least this time. One turn takes two cycles or more; at core = 1, 1000 ns are 16 cycles. */
static inline void wait_ns(uint32_t ns)
{
    uint32_t turns = (ns * clocks.core >> 7) + 1;
    __asm__ volatile("1: subs %0, #1\n\tbne 1b" : "+r"(turns)::"cc");
}

#ifndef SPI_DIVIDER
#define SPI_DIVIDER 4
#endif
#if SPI_DIVIDER != 4 && SPI_DIVIDER != 8 && SPI_DIVIDER != 16 && SPI_DIVIDER != 32 && SPI_DIVIDER != 64
#error "SPI_DIVIDER is 4, 8, 16, 32 or 64"
#endif

/* The bus of PCLK2, 16 or 64 MHz, is divided by 2 << BR. */
#define LOG2(n) ((n) >= 64 ? 6 : (n) >= 32 ? 5 : (n) >= 16 ? 4 : (n) >= 8 ? 3 : (n) >= 4 ? 2 : 1)

/* Set SCK to 16 MHz / divider, in SPI mode 0 or 1. Call while the bus is at rest. */
#define SET_RATE(divider, phase)                                                                                            \
    (SPI1->CR1 = SPI_CR1_SPE | SPI_CR1_MSTR | SPI_CR1_SSM | SPI_CR1_SSI | ((phase) ? SPI_CR1_CPHA : 0) |                    \
                 (uint32_t)(LOG2(divider) - 1 + (clocks.bus2 == 4 ? 2 : 0)) << SPI_CR1_BR_Pos)

static inline void port_set_chip_rate(void)
{
    SET_RATE(SPI_DIVIDER, chip.spi_mode);
}

static inline uint8_t transfer(uint8_t byte)
{
    SPI1->DR = byte;
    while (!(SPI1->SR & SPI_SR_RXNE))
        ;
    return (uint8_t)SPI1->DR;
}

void bus_begin(void); /* makes the pins of the chips outputs; no chip sees an edge */

#ifdef SAMPLER
#define POT_LINE(chip) ((chip) >> 3) /* D2 ... D5; the converters have the others */
#define POT_ADDRESS(chip) ((chip) & 7)
#else
#define POT_LINE(chip) ((chip) & 7)
#define POT_ADDRESS(chip) ((chip) >> 3)
#endif

/* The labels of the board's Arduino connectors, and the pins behind them (ST UM1724, "Arduino connectors"). */
enum { A, B, C };
enum line { D2, D3, D4, D5, D6, D7, D8, D9, LINES };
struct pin {
    uint8_t port, number;
};
static const struct pin lines[LINES] = {{A, 10}, {B, 3}, {B, 5}, {B, 4}, {B, 10}, {A, 8}, {A, 9}, {C, 7}};
enum { ADDRESS = 1 << 0 | 1 << 1 | 1 << 4 }; /* A0, A1, A2 are PA0, PA1, PA4 */
static const struct pin sck = {A, 5}, sdo = {A, 6}, sdi = {A, 7}, line_tx = {A, 2}, line_rx = {A, 3};
enum { AF_SPI1 = 5, AF_USART2 = 7 };

enum {
    ADDRESSED_NS = 50, /* a 74HC138 at 3.3 V follows its address before it is enabled */
    SELECTED_NS = 200, /* the decoder, then 100 ns until the first edge of SCK */
    HELD_NS = 100,     /* after the last edge */
    RELEASED_NS = 500, /* the MCP3208 needs this time between two conversions */
};

static inline void line_low(enum line line)
{
    GPIO(lines[line].port)->BSRR = 1u << (lines[line].number + 16);
}

static inline void line_high(enum line line)
{
    GPIO(lines[line].port)->BSRR = 1u << lines[line].number;
}

static inline void port_select(enum line line, uint32_t address)
{
    uint32_t high = (address & 3) | (address & 4) << 2;
    GPIO(A)->BSRR = high | (ADDRESS & ~high) << 16;
    wait_ns(ADDRESSED_NS);
    line_low(line);
    wait_ns(SELECTED_NS);
}

static inline void port_release(enum line line)
{
    while (SPI1->SR & SPI_SR_BSY)
        ;
    wait_ns(HELD_NS);
    line_high(line);
    wait_ns(RELEASED_NS);
}

enum mode { INPUT, OUTPUT, ALTERNATE };

/* Set up a pin that was high-impedance, or belonged to the debugger. */
static inline void pin_is(struct pin pin, enum mode mode, uint32_t function)
{
    struct gpio *port = GPIO(pin.port);
    uint32_t two = 2u * pin.number, four = 4u * (pin.number & 7);
    reg *functions = port->AFR + (pin.number >> 3);
    *functions = (*functions & ~(0xFu << four)) | function << four;
    port->OSPEEDR = (port->OSPEEDR & ~(3u << two)) | 1u << two; /* medium: edges of 10 ns */
    port->PUPDR &= ~(3u << two);
    port->MODER = (port->MODER & ~(3u << two)) | (uint32_t)mode << two;
}

#endif
