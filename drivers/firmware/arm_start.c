/* What runs before main on an STM32F446, and the functions that a C compiler expects; no library is linked. */
#include <stddef.h>
#include <stdint.h>

#include "arm_registers.h"

extern uint32_t stack_end[], data_start[], data_end[], data_stored[], bss_start[], bss_end[];

int main(void);
void systick_interrupt(void);
void usart2_interrupt(void);

void reset_interrupt(void)
{
    const uint32_t *from = data_stored;
    for (uint32_t *to = data_start; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    main();
}

/* A fault, or an unexpected interrupt: reset, which opens the terminals. */
static void start_again(void)
{
    AIRCR = AIRCR_RESET;
    for (;;)
        ;
}

enum { CORE = 16, SYSTICK_AT = 15 };
typedef void (*entry)(void);

__attribute__((section(".vectors"), used)) static const entry vectors[CORE + 97] = {
    (entry)(uintptr_t)stack_end,
    reset_interrupt,
    [2 ... SYSTICK_AT - 1] = start_again,
    [SYSTICK_AT] = systick_interrupt,
    [CORE ... CORE + USART2_IRQn - 1] = start_again,
    [CORE + USART2_IRQn] = usart2_interrupt,
    [CORE + USART2_IRQn + 1 ... CORE + 96] = start_again,
};

/* The compiler may call these for loops and assignments, and must not turn the loops here into calls of themselves. */
#define PLAIN __attribute__((used, optimize("no-tree-loop-distribute-patterns")))

PLAIN void *memset(void *to, int value, size_t count)
{
    for (uint8_t *at = to; count--;)
        *at++ = (uint8_t)value;
    return to;
}

PLAIN void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    const uint8_t *source = from;
    for (uint8_t *at = to; count--;)
        *at++ = *source++;
    return to;
}
