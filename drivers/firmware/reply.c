#include "reply.h"

enum { STATUS_AT = 4 };

uint8_t reply[FRAME_MTU];
uint16_t reply_length;

uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | (uint16_t)((uint16_t)bytes[1] << 8));
}

void put8(uint8_t value)
{
    reply[reply_length++] = value;
}

void put16(uint16_t value)
{
    put8((uint8_t)value);
    put8((uint8_t)(value >> 8));
}

void refuse(uint8_t status)
{
    reply[STATUS_AT] = status;
}
