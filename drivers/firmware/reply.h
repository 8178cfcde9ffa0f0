/* The reply under construction, and the statuses it may have. See README.md. */
#ifndef REPLY_H
#define REPLY_H

#include <stdint.h>

#include "frame.h"

enum status {
    OK = 0,
    BAD_VERSION = 1,
    BAD_OP = 2,
    MALFORMED = 3,
    OUT_OF_RANGE = 4,
    NOT_ARMED = 5,
    TABLE_MISMATCH = 6,
    VERIFY_FAILED = 7,
};

enum { OP_REPLY = 0x80 }; /* marks the op of a reply */

enum { REPLY_HEADER = 7 }; /* version, op, sequence number, status, boot id */

extern uint8_t reply[FRAME_MTU];
extern uint16_t reply_length;

void put8(uint8_t value);
void put16(uint16_t value);
void refuse(uint8_t status);
uint16_t get16(const uint8_t *bytes);

#endif
