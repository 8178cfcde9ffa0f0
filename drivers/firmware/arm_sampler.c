/* The sources and inputs of the one-board bench on an STM32F446. Wiring: README.md; see avr_sampler.c for what is where.
 *
 * The interrupt of the system timer takes one scan per period. The interrupt of the line has priority over it, so no byte
 * gets lost, and LDAC is late by at most the time of handling one byte.
 */
#include "arm_port.h"
#include "hal.h"
#include "sampler.h"

static const enum line outputs = D6, latch = D7, first_inputs = D8, other_inputs = D9;
enum { OUTPUTS_DIVIDER = 2, INPUTS_DIVIDER = 16 }; /* 8 MHz; 1 MHz, the limit of the MCP3208 at 2.7 V */
enum { ACTIVE = 0x70, SECOND = 0x80 };             /* reference buffered, gain 1, output on; output B */
enum { START_SINGLE = 0x06 };                      /* and the highest bit of the input's number */
enum { LATCH_NS = 100 };

void hal_output_write(uint8_t source, uint16_t code)
{
    SET_RATE(OUTPUTS_DIVIDER, 0);
    port_select(outputs, source >> 1);
    transfer((uint8_t)(ACTIVE | (source & 1 ? SECOND : 0) | (code >> 8)));
    transfer((uint8_t)code);
    port_release(outputs);
    port_set_chip_rate();
}

void hal_output_latch(void)
{
    line_low(latch);
    wait_ns(LATCH_NS);
    line_high(latch);
}

uint16_t hal_input_read(uint8_t input)
{
    uint8_t high, low;
    enum line line = input & 8 ? other_inputs : first_inputs;
    SET_RATE(INPUTS_DIVIDER, 0);
    port_select(line, 0);
    transfer((uint8_t)(START_SINGLE | (input >> 2 & 1)));
    high = transfer((uint8_t)(input << 6)) & 0x0F;
    low = transfer(0);
    port_release(line);
    port_set_chip_rate();
    return (uint16_t)((uint16_t)high << 8) | low;
}

void hal_scans_start(uint16_t period)
{
    arm_tick(period);
    arm_scanning = 1;
}

void hal_scans_stop(void)
{
    arm_scanning = 0;
    arm_tick(TICK);
}

uint8_t hal_scan_is_late(void)
{
    return ICSR & ICSR_PENDSTSET ? 1 : 0;
}
