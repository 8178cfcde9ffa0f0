/* The interface of a potentiometer chip. One is built in: chip_<name>.c, `make CHIP=<name>`. */
#ifndef CHIP_H
#define CHIP_H

#include <stdint.h>

#define NO_ANSWER 0xFFFFu /* the chip flagged an error, or there is none */

struct chip {
    uint8_t rheostats; /* in one package: channel c is rheostat c mod rheostats of its chip */
    uint8_t spi_mode;  /* 0 or 1, for a chip with SPI */

    /* After a reset of the board, before anything else. NULL: there is nothing to do. */
    void (*begin)(uint8_t channel);

    void (*write)(uint8_t channel, uint16_t code);

    /* The code of a wiper, or NO_ANSWER. NULL: the chip cannot be read, and the bank remembers in `written` what it wrote. */
    uint16_t (*read)(uint8_t channel);
    uint16_t *written;

    /* Connect the terminals of a channel, or open them; 1 if the chip confirms. This may switch the whole chip, because
     * the core switches all channels alike. NULL: the chip cannot open them; its wipers are parked at code 0 instead. */
    uint8_t (*connect)(uint8_t channel, uint8_t connected);
};

extern const struct chip chip;

#endif
