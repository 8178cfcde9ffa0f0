/* STM32F446 (NUCLEO-F446RE): line, time, watchdog, main loop. Wiring: README.md. The bus of the chips: arm_spi.c. */
#include "arm_port.h"
#include "core.h"
#include "hal.h"
#include "sampler.h"

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
#define BAUD 500000
#endif
#if BAUD < 57600
#error "BAUD is too low: the longest reply must be sent before the microcontroller's watchdog resets it"
#endif
#if BAUD > 1000000
#error "BAUD is too high: USART2 divides 16 MHz by at least 16"
#endif

enum { LINE_FIRST = 0x00, SCANS_LAST = 0x80 }; /* priorities */
enum { CAUSE_POWER_ON = 1, CAUSE_RESET_LINE = 2, CAUSE_BROWN_OUT = 4, CAUSE_HANG = 8 };
enum { WATCHDOG_MS = 250, WATCHDOG_PER_MS = 2 }; /* by its own oscillator, 32 kHz / 16: really 170 to 470 ms */

static volatile uint8_t received[256], received_head; /* indices wrap by themselves */
static volatile uint8_t queue[256], queue_head, queue_tail;
static volatile uint8_t received_tail;
static volatile uint16_t overruns;
volatile uint8_t arm_scanning;

static void receive(uint32_t status)
{
    uint8_t byte = (uint8_t)USART2->DR, next = received_head + 1; /* clears both flags */
    arm_scanning = 0; /* so that the program runs, however little time scans leave; the core then ends the sampling */
    if ((status & USART_SR_ORE) || next == received_tail)
        overruns++;
    if (!(status & USART_SR_RXNE) || next == received_tail)
        return;
    received[received_head] = byte;
    received_head = next;
}

/* Hand one byte to the line if it is free; its interrupt stays enabled while there are more. Call with interrupts off. */
static void pump(void)
{
    if (queue_tail == queue_head)
        USART2->CR1 &= ~(uint32_t)USART_CR1_TXEIE;
    else if (USART2->SR & USART_SR_TXE)
        USART2->DR = queue[queue_tail++];
}

void usart2_interrupt(void)
{
    uint32_t status = USART2->SR;
    if (status & (USART_SR_RXNE | USART_SR_ORE))
        receive(status);
    pump();
}

void systick_interrupt(void)
{
#ifdef SAMPLER
    if (arm_scanning)
        sampler_scan();
#endif
}

void hal_send(uint8_t byte)
{
    uint8_t next = queue_head + 1;
    while (next == queue_tail)
        ;
    queue[queue_head] = byte;
    __asm__ volatile("cpsid i" ::: "memory");
    queue_head = next;
    USART2->CR1 |= USART_CR1_TXEIE;
    pump(); /* at once if the line is free: QEMU has no interrupt for that */
    __asm__ volatile("cpsie i" ::: "memory");
}

/* A timer counts ms by itself. */
uint32_t hal_now_ms(void)
{
    return TIM2->CNT;
}

uint16_t hal_overruns(void)
{
    return overruns;
}

/* Every reset pulls the reset line, and power-on sets the flag of a brown-out too. */
static uint8_t reset_cause(void)
{
    uint32_t flags = RCC->CSR;
    RCC->CSR |= RCC_CSR_RMVF;
    if (flags & RCC_CSR_PORRSTF)
        return CAUSE_POWER_ON;
    if (flags & RCC_CSR_BORRSTF)
        return CAUSE_BROWN_OUT;
    if (flags & (RCC_CSR_IWDGRSTF | RCC_CSR_SFTRSTF)) /* a fault resets by software (arm_start.c) */
        return CAUSE_HANG;
    return flags & RCC_CSR_PINRSTF ? CAUSE_RESET_LINE : 0;
}

static void watchdog_begin(void)
{
    IWDG->KR = IWDG_START;
    IWDG->KR = IWDG_UNLOCK;
    IWDG->PR = IWDG_PR_DIV16;
    IWDG->RLR = WATCHDOG_MS * WATCHDOG_PER_MS;
    comes(&IWDG->SR, IWDG_SR_PVU | IWDG_SR_RVU, 0);
    IWDG->KR = IWDG_RELOAD;
}

static void set_up(void)
{
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIOAEN | RCC_AHB1ENR_GPIOBEN | RCC_AHB1ENR_GPIOCEN;
    RCC->APB1ENR |= RCC_APB1ENR_USART2EN | RCC_APB1ENR_TIM2EN;
    (void)RCC->APB1ENR; /* the clocks take effect two cycles later */
    bus_begin();

    USART2->BRR = (STEP_HZ * clocks.bus1 + BAUD / 2u) / BAUD;
    USART2->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    pin_is(line_tx, ALTERNATE, AF_USART2);
    pin_is(line_rx, ALTERNATE, AF_USART2);

    TIM2->PSC = STEP_HZ / 1000 * clocks.timers - 1u;
    TIM2->EGR = TIM_EGR_UG; /* loads PSC */
    TIM2->CR1 = TIM_CR1_CEN;

    NVIC_IPR[USART2_IRQn] = LINE_FIRST;
    NVIC_ISER[USART2_IRQn / 32] = 1u << USART2_IRQn % 32;
    SHPR_SYSTICK = SCANS_LAST;
    arm_tick(TICK);
}

int main(void)
{
    uint8_t cause = reset_cause();
    uint16_t boot_id = next_boot_id();
    watchdog_begin(); /* if the program hangs, a reset opens the terminals */
    clocks_begin();
    set_up();
    bank_init(CHANNELS, boot_id, cause);
    for (;;) {
        IWDG->KR = IWDG_RELOAD;
        while (received_tail != received_head)
            bank_receive(received[received_tail++]);
        bank_poll();
        __asm__ volatile("cpsid i" ::: "memory"); /* an interrupt from here on still wakes us */
        if (received_tail == received_head)
            __asm__ volatile("wfi");
        __asm__ volatile("cpsie i" ::: "memory");
    }
}
