/* The clocks of the STM32F446: 128 MHz, divided by powers of two for everything else.
 *
 * On a NUCLEO board the ST-LINK supplies the 8 MHz of its crystal. If this clock is missing, the internal 16 MHz oscillator
 * replaces it: frequencies are then up to 1 % off, but by the same factor for sources and samples. If the PLL does not lock,
 * the internal oscillator clocks everything directly.
 */
#include "arm_port.h"

struct clocks clocks = {1, 1, 1, 1}; /* as after a reset */

enum {
    HSE_MHZ = 8,
    HSI_MHZ = 16,
    PLL_IN_MHZ = 2, /* the least jitter (RM0390) */
    PLL_N = 128,    /* 256 MHz; the core gets half of it */
    PLL_Q = 8,      /* not used, 48 MHz at most */
    PLL_R = 2,      /* not used, 2 at least */
};

void clocks_begin(void)
{
    uint32_t divider = HSI_MHZ / PLL_IN_MHZ, source = 0;
    RCC->CR |= RCC_CR_HSEBYP;
    RCC->CR |= RCC_CR_HSEON;
    if (comes(&RCC->CR, RCC_CR_HSERDY, RCC_CR_HSERDY)) {
        divider = HSE_MHZ / PLL_IN_MHZ;
        source = RCC_PLLCFGR_PLLSRC_HSE;
    }
    RCC->PLLCFGR = divider << RCC_PLLCFGR_PLLM_Pos | PLL_N << RCC_PLLCFGR_PLLN_Pos | source |
                   PLL_Q << RCC_PLLCFGR_PLLQ_Pos | PLL_R << RCC_PLLCFGR_PLLR_Pos;
    RCC->CR |= RCC_CR_PLLON;
    if (!comes(&RCC->CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY)) {
        RCC->CR &= ~(uint32_t)(RCC_CR_PLLON | RCC_CR_HSEON);
        return;
    }
    FLASH->ACR = FLASH_ACR_LATENCY_4WS | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN; /* 120 to 150 MHz */
    RCC->CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
    RCC->CFGR |= RCC_CFGR_SW_PLL;
    if (!comes(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL)) {
        RCC->CFGR = 0;
        return;
    }
    clocks = (struct clocks){.core = 8, .bus1 = 2, .bus2 = 4, .timers = 4}; /* timers: twice PCLK1 */
}
