/* Chips with SPI on an STM32F446. Wiring: README.md, as on an Arduino; see avr_spi.c for what is connected to which line. */
#include "arm_port.h"
#include "hal.h"

static enum line selected;

void hal_select(uint8_t channel)
{
    uint8_t at = channel / chip.rheostats;
    selected = (enum line)POT_LINE(at);
    port_select(selected, POT_ADDRESS(at));
}

void hal_release(void)
{
    port_release(selected);
}

uint8_t hal_transfer(uint8_t byte)
{
    return transfer(byte);
}

void bus_begin(void)
{
    for (enum line line = D2; line < LINES; line++) {
        line_high(line);
        pin_is(lines[line], OUTPUT, 0);
    }
    for (uint8_t number = 0; number < 5; number++) {
        if (ADDRESS & 1 << number)
            pin_is((struct pin){A, number}, OUTPUT, 0);
    }
    RCC->APB2ENR |= RCC_APB2ENR_SPI1EN;
    (void)RCC->APB2ENR; /* the clock takes effect two cycles later */
    port_set_chip_rate(); /* before the bus takes over the pins, so that SCK is low from the beginning */
    pin_is(sck, ALTERNATE, AF_SPI1);
    pin_is(sdo, ALTERNATE, AF_SPI1);
    pin_is(sdi, ALTERNATE, AF_SPI1);
}
