/* Simulated chips with faults, for every port without hardware: what is common to all. simulated_<name>.c has the bus.
 *
 * Each channel is simulated as a chip of its own whose other rheostats are not used, so a fault affects one channel.
 */
#ifndef CHIPS_H
#define CHIPS_H

#include <stdint.h>

enum fault { NONE, STUCK, MUTE };

struct simulated {
    uint16_t code;
    uint8_t connected;
    enum fault fault;
    unsigned to_lose; /* number of writes to this wiper that will be lost */
};

/* A request that reaches beyond the bank is a bug of the core, never of the host. */
void chips_must(int condition, const char *what);

struct simulated *chips_at(uint8_t channel);            /* it exists */
void chips_move(struct simulated *at, uint16_t code);   /* as a write to the wiper does */

/* Supplied by the simulated chip. */
extern const uint16_t simulated_power_up_code;
void simulated_power_up(uint8_t channel); /* the rest of its state */

void chips_power_up(void); /* faults stay */
uint16_t chips_code(uint8_t channel);
uint8_t chips_connected(uint8_t channel);

void chips_stick(uint8_t channel, uint16_t code); /* writes no longer move this wiper */
void chips_mute(uint8_t channel);                 /* ignores everything, answers nothing */
void chips_lose(uint8_t channel, unsigned writes);
void chips_heal(uint8_t channel);

/* Number of times that a wiper was written while its terminals were open, which the core never does. */
unsigned long chips_written_while_open(void);

#endif
