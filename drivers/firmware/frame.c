#include "frame.h"

/* Bytewise without a table, which would take 512 bytes of flash or RAM to save a few microseconds per frame. */
uint16_t frame_crc(uint16_t crc, uint8_t byte)
{
    uint8_t x = (uint8_t)(crc >> 8) ^ byte;
    x ^= x >> 4;
    return (uint16_t)((uint16_t)(crc << 8) ^ (uint16_t)((uint16_t)x << 12) ^ (uint16_t)((uint16_t)x << 5) ^ x);
}

static uint16_t crc_of(const uint8_t *bytes, uint16_t length)
{
    uint16_t crc = FRAME_CRC_START;
    while (length--)
        crc = frame_crc(crc, *bytes++);
    return crc;
}

static void keep(struct frame_decoder *d, uint8_t byte)
{
    if (d->filled < FRAME_MTU)
        d->bytes[d->filled++] = byte;
    else
        d->overlong = 1;
}

static enum frame_result end_of_frame(struct frame_decoder *d)
{
    if (d->remaining || d->overlong || d->filled < FRAME_SHORTEST)
        return FRAME_BAD;
    if (crc_of(d->bytes, d->filled) != 0) /* the CRC over data and its own big-endian CRC is zero */
        return FRAME_BAD;
    d->size = d->filled - 2;
    d->crc = (uint16_t)((uint16_t)d->bytes[d->size] << 8) | d->bytes[d->size + 1];
    return FRAME_GOOD;
}

enum frame_result frame_decode(struct frame_decoder *d, uint8_t byte)
{
    if (byte == 0) { /* a zero never occurs inside a frame, so it always ends one */
        enum frame_result result = d->block ? end_of_frame(d) : FRAME_PENDING;
        d->filled = 0;
        d->block = d->remaining = d->overlong = 0;
        return result;
    }
    if (d->remaining) {
        d->remaining--;
        keep(d, byte);
        return FRAME_PENDING;
    }
    if (d->block && d->block != 0xFF) /* a block represents its bytes and a zero, unless it is a full block */
        keep(d, 0);
    d->block = byte;
    d->remaining = byte - 1;
    return FRAME_PENDING;
}

uint16_t frame_seal(uint8_t *bytes, uint16_t length)
{
    uint16_t crc = crc_of(bytes, length);
    bytes[length++] = (uint8_t)(crc >> 8);
    bytes[length++] = (uint8_t)crc;
    return length;
}

void frame_send(const uint8_t *bytes, uint16_t length, void (*send)(uint8_t))
{
    uint16_t at = 0;
    send(0); /* terminates any preceding noise */
    for (;;) {
        uint16_t end = at;
        while (end < length && bytes[end] && end - at < 254)
            end++;
        uint16_t run = end - at;
        send((uint8_t)(run + 1));
        while (at < end)
            send(bytes[at++]);
        if (at == length)
            break;
        if (run < 254)
            at++; /* the zero that the block represents */
    }
    send(0);
}
