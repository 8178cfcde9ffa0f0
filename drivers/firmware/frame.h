/* Frames on the wire: 00 COBS(bytes, CRC16 big-endian) 00. See README.md. */
#ifndef FRAME_H
#define FRAME_H

#include <stdint.h>

enum {
    FRAME_MTU = 272,    /* longest decoded frame, CRC included */
    FRAME_SHORTEST = 6, /* version, op, sequence number, CRC */
};

enum frame_result { FRAME_PENDING, FRAME_GOOD, FRAME_BAD };

struct frame_decoder {
    uint8_t bytes[FRAME_MTU];
    uint16_t size; /* of the last good frame, without its CRC */
    uint16_t crc;  /* of the last good frame, as received */
    uint16_t filled;
    uint8_t block;     /* code byte of the COBS block being read, 0 between frames */
    uint8_t remaining; /* bytes of that block still to come */
    uint8_t overlong;
};

/* CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected. */
uint16_t frame_crc(uint16_t crc, uint8_t byte);
#define FRAME_CRC_START 0xFFFFu

/* One byte from the wire. After FRAME_GOOD the frame stays in `bytes` until the next byte comes. */
enum frame_result frame_decode(struct frame_decoder *decoder, uint8_t byte);

/* Append the CRC to `bytes` (two more bytes must fit); returns the new length. */
uint16_t frame_seal(uint8_t *bytes, uint16_t length);

/* Send a sealed frame. */
void frame_send(const uint8_t *bytes, uint16_t length, void (*send)(uint8_t));

#endif
