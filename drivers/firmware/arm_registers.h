/* The registers of the STM32F446 that this port uses, and no others. Named as in its reference manual, ST RM0390, whose
 * chapter stands beside each; the core's own are in the ARMv7-M Architecture Reference Manual (DDI0403). The STM32F405
 * has the same ones at the same addresses (RM0090). tests/firmware/test_arm_registers.py compares them with ST's header.
 */
#ifndef ARM_REGISTERS_H
#define ARM_REGISTERS_H

#include <stdint.h>

typedef volatile uint32_t reg;

/* General-purpose I/Os (GPIO) */
struct gpio {
    reg MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR, AFR[2];
};
#define GPIO_BASE 0x40020000u /* of port A; the next ones follow */
#define GPIO_STEP 0x400u
#define GPIO(port) ((struct gpio *)(GPIO_BASE + GPIO_STEP * (port)))

/* Reset and clock control for STM32F446xx (RCC) */
struct rcc {
    reg CR, PLLCFGR, CFGR, CIR, AHB1RSTR, AHB2RSTR, AHB3RSTR, reserved0, APB1RSTR, APB2RSTR, reserved1[2], AHB1ENR, AHB2ENR,
        AHB3ENR, reserved2, APB1ENR, APB2ENR, reserved3[2], AHB1LPENR, AHB2LPENR, AHB3LPENR, reserved4, APB1LPENR,
        APB2LPENR, reserved5[2], BDCR, CSR;
};
#define RCC_BASE 0x40023800u
#define RCC ((struct rcc *)RCC_BASE)
enum {
    RCC_CR_HSEON = 1 << 16,
    RCC_CR_HSERDY = 1 << 17,
    RCC_CR_HSEBYP = 1 << 18,
    RCC_CR_PLLON = 1 << 24,
    RCC_CR_PLLRDY = 1 << 25,
    RCC_PLLCFGR_PLLM_Pos = 0,
    RCC_PLLCFGR_PLLN_Pos = 6,
    RCC_PLLCFGR_PLLSRC_HSE = 1 << 22,
    RCC_PLLCFGR_PLLQ_Pos = 24,
    RCC_PLLCFGR_PLLR_Pos = 28,
    RCC_CFGR_SW_PLL = 2,
    RCC_CFGR_SWS = 3 << 2,
    RCC_CFGR_SWS_PLL = 2 << 2,
    RCC_CFGR_PPRE1_DIV4 = 5 << 10,
    RCC_CFGR_PPRE2_DIV2 = 4 << 13,
    RCC_AHB1ENR_GPIOAEN = 1 << 0,
    RCC_AHB1ENR_GPIOBEN = 1 << 1,
    RCC_AHB1ENR_GPIOCEN = 1 << 2,
    RCC_APB1ENR_TIM2EN = 1 << 0,
    RCC_APB1ENR_USART2EN = 1 << 17,
    RCC_APB2ENR_SPI1EN = 1 << 12,
    RCC_CSR_RMVF = 1 << 24,
    RCC_CSR_BORRSTF = 1 << 25,
    RCC_CSR_PINRSTF = 1 << 26,
    RCC_CSR_PORRSTF = 1 << 27,
    RCC_CSR_SFTRSTF = 1 << 28,
    RCC_CSR_IWDGRSTF = 1 << 29,
};

/* Embedded flash memory interface (FLASH) */
struct flash {
    reg ACR, KEYR, OPTKEYR, SR, CR;
};
#define FLASH_R_BASE 0x40023C00u
#define FLASH ((struct flash *)FLASH_R_BASE)
#define FLASH_KEY1 0x45670123u
#define FLASH_KEY2 0xCDEF89ABu
#define FLASH_CR_LOCK 0x80000000u
enum {
    FLASH_ACR_LATENCY_4WS = 4,
    FLASH_ACR_PRFTEN = 1 << 8,
    FLASH_ACR_ICEN = 1 << 9,
    FLASH_ACR_DCEN = 1 << 10,
    FLASH_SR_EOP = 1 << 0,
    FLASH_SR_WRPERR = 1 << 4,
    FLASH_SR_PGAERR = 1 << 5,
    FLASH_SR_PGPERR = 1 << 6,
    FLASH_SR_PGSERR = 1 << 7,
    FLASH_SR_BSY = 1 << 16,
    FLASH_CR_PG = 1 << 0,
    FLASH_CR_SER = 1 << 1,
    FLASH_CR_SNB_Pos = 3,
    FLASH_CR_PSIZE_Pos = 8,
    FLASH_CR_STRT = 1 << 16,
};

/* Independent watchdog (IWDG) */
struct iwdg {
    reg KR, PR, RLR, SR;
};
#define IWDG_BASE 0x40003000u
#define IWDG ((struct iwdg *)IWDG_BASE)
enum {
    IWDG_START = 0xCCCC,
    IWDG_UNLOCK = 0x5555,
    IWDG_RELOAD = 0xAAAA,
    IWDG_PR_DIV16 = 2,
    IWDG_SR_PVU = 1 << 0,
    IWDG_SR_RVU = 1 << 1,
};

/* Universal synchronous receiver transmitter (USART) */
struct usart {
    reg SR, DR, BRR, CR1, CR2, CR3, GTPR;
};
#define USART2_BASE 0x40004400u
#define USART2 ((struct usart *)USART2_BASE)
enum {
    USART2_IRQn = 38,
    USART_SR_ORE = 1 << 3,
    USART_SR_RXNE = 1 << 5,
    USART_SR_TXE = 1 << 7,
    USART_CR1_RE = 1 << 2,
    USART_CR1_TE = 1 << 3,
    USART_CR1_RXNEIE = 1 << 5,
    USART_CR1_TXEIE = 1 << 7,
    USART_CR1_UE = 1 << 13,
};

/* Serial peripheral interface (SPI) */
struct spi {
    reg CR1, CR2, SR, DR;
};
#define SPI1_BASE 0x40013000u
#define SPI1 ((struct spi *)SPI1_BASE)
enum {
    SPI_CR1_CPHA = 1 << 0,
    SPI_CR1_MSTR = 1 << 2,
    SPI_CR1_BR_Pos = 3,
    SPI_CR1_SPE = 1 << 6,
    SPI_CR1_SSI = 1 << 8,
    SPI_CR1_SSM = 1 << 9,
    SPI_SR_RXNE = 1 << 0,
    SPI_SR_BSY = 1 << 7,
};

/* General-purpose timers (TIM2 to TIM5) */
struct tim {
    reg CR1, CR2, SMCR, DIER, SR, EGR, CCMR1, CCMR2, CCER, CNT, PSC, ARR;
};
#define TIM2_BASE 0x40000000u
#define TIM2 ((struct tim *)TIM2_BASE)
enum {
    TIM_CR1_CEN = 1 << 0,
    TIM_EGR_UG = 1 << 0,
};

/* Of the core (DDI0403, chapter B3): the system timer, the interrupt controller, reset */
struct systick {
    reg CSR, RVR, CVR;
};
#define SYSTICK ((struct systick *)0xE000E010u)
enum { SYSTICK_RUN = 7 }; /* on, with its interrupt, from the clock of the core */
#define NVIC_ISER ((reg *)0xE000E100u)
#define NVIC_IPR ((volatile uint8_t *)0xE000E400u)
#define ICSR (*(reg *)0xE000ED04u)
enum { ICSR_PENDSTCLR = 1 << 25, ICSR_PENDSTSET = 1 << 26 };
#define SHPR_SYSTICK (*(volatile uint8_t *)0xE000ED23u)
#define AIRCR (*(reg *)0xE000ED0Cu)
#define AIRCR_RESET 0x05FA0004u

#endif
