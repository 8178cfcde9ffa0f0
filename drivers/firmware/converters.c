/* Simulated converters: the functions of hal.h that sampler.c needs, for every port without hardware.
 *
 * Every input reads a sum over the outputs, with weights that differ between inputs, so that a test can tell them apart.
 * Time is a count of cycles that the port lets pass.
 */
#include <stdio.h>
#include <stdlib.h>

#include "converters.h"
#include "hal.h"
#include "sampler.h"

static uint16_t written[SOURCES], latched[SOURCES];
static uint32_t period, until_next; /* cycles; period 0: no scans */
static int is_late;

static void must(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "the sampler broke a promise: %s\n", what);
        abort();
    }
}

void hal_output_write(uint8_t source, uint16_t code)
{
    must(source < SOURCES, "an output exists");
    must(code <= 4095, "a code of an output exists");
    written[source] = code;
}

void hal_output_latch(void)
{
    for (int source = 0; source < SOURCES; source++)
        latched[source] = written[source];
}

uint16_t hal_input_read(uint8_t input)
{
    uint32_t sum = input;
    must(input < INPUTS, "an input exists");
    for (uint32_t source = 0; source < SOURCES; source++)
        sum += (2 * source + 3 * input + 1) * latched[source];
    return sum & 0xFFF;
}

void hal_scans_start(uint16_t cycles)
{
    must(period == 0, "scans are started once");
    must(cycles > 0, "a period takes time");
    period = until_next = cycles;
}

void hal_scans_stop(void)
{
    period = 0;
}

void converters_are_late(int late)
{
    is_late = late;
}

uint8_t hal_scan_is_late(void)
{
    return is_late ? 1 : 0;
}

uint16_t converters_output(uint8_t source)
{
    return latched[source];
}

int converters_are_scanning(void)
{
    return period != 0;
}

void converters_let_pass(uint32_t cycles)
{
    while (period && until_next <= cycles) {
        cycles -= until_next;
        until_next = period;
        sampler_scan();
        sampler_poll(); /* like a processor that has time between two scans */
    }
    if (period)
        until_next -= cycles;
}
