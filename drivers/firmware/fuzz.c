/* Random and hostile frames against the core, under sanitizers.
 *
 *   fuzz [FRAMES] [SEED]          a seeded generator that knows the protocol
 *   clang -fsanitize=fuzzer       LLVMFuzzerTestOneInput, see `make libfuzzer`
 *
 * Aborts when the core reaches beyond the bank, moves a wiper behind open terminals, or sends an invalid reply.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chips.h"
#include "converters.h"
#include "core.h"
#include "frame.h"
#include "hal.h"
#include "sampler.h"

enum { LONGEST = 400 }; /* beyond the MTU on purpose */

static uint32_t now_ms;
static struct frame_decoder host;
static unsigned long replies;

static void must(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "broken promise: %s\n", what);
        abort();
    }
}

/* Every byte the core sends must be part of a well-formed reply. */
void hal_send(uint8_t byte)
{
    enum frame_result result = frame_decode(&host, byte);
    must(result != FRAME_BAD, "replies decode and their CRC holds");
    if (result == FRAME_GOOD) {
        must(host.size >= 7, "replies have a header");
        must(host.bytes[1] & 0x80, "replies are marked as replies");
        replies++;
    }
}

uint32_t hal_now_ms(void)
{
    return now_ms;
}

uint16_t hal_overruns(void)
{
    return 0;
}

static void start(uint8_t channels)
{
    memset(&host, 0, sizeof host);
    chips_power_up();
    bank_init(channels, 1, 1);
}

static void send_sealed(uint8_t *frame, uint16_t length)
{
    frame_send(frame, frame_seal(frame, length), bank_receive);
}

static void let_time_pass(uint32_t duration_ms)
{
    now_ms += duration_ms;
#ifdef SAMPLER
    converters_let_pass(16000 * duration_ms);
    must(converters_are_scanning() == sampler_is_busy(), "scans are taken as long as the board says so");
#endif
    bank_poll();
    must(chips_written_while_open() == 0, "wipers move only behind connected terminals");
}

/* Input: records of (kind, length, bytes). Kind 0: raw bytes; otherwise they are sealed, so that mutations get past the
 * CRC, and the bank waits `kind` ms afterwards. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start(size ? (uint8_t)(1 + data[0] % MAX_CHANNELS) : 1);
    for (size_t at = 1; at + 2 <= size;) {
        uint8_t kind = data[at], frame[255 + 2];
        size_t length = data[at + 1];
        at += 2;
        if (length > size - at)
            length = size - at;
        memcpy(frame, data + at, length);
        at += length;
        if (kind)
            send_sealed(frame, (uint16_t)length);
        else
            for (size_t i = 0; i < length; i++)
                bank_receive(frame[i]);
        let_time_pass(kind);
    }
    return 0;
}

#ifndef LIBFUZZER
static uint64_t random_state;

/* splitmix64, which gives the same sequence on every machine. */
static uint32_t draw(uint32_t below)
{
    uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) % below);
}

static uint16_t add_setpoints(uint8_t *at, uint8_t channels)
{
    uint16_t length = 0, count = (uint16_t)draw(channels + 2u);
    uint8_t pairs = (uint8_t)draw(2);
    at[length++] = pairs;
    if (!pairs)
        at[length++] = draw(4) ? 0 : (uint8_t)draw(256);
    for (uint16_t i = 0; i < count && length < LONGEST - 30; i++) {
        uint16_t code = (uint16_t)(draw(200) ? draw(HIGHEST_CODE + 1) : draw(65536));
        if (pairs)
            at[length++] = (uint8_t)(draw(200) ? draw(channels) : draw(256));
        at[length++] = (uint8_t)code;
        at[length++] = (uint8_t)(code >> 8);
    }
    return length;
}

#ifdef SAMPLER
static uint16_t add_word(uint8_t *at, uint32_t word)
{
    at[0] = (uint8_t)word;
    at[1] = (uint8_t)(word >> 8);
    return 2;
}

static uint16_t add_outputs(uint8_t *at)
{
    uint16_t length = 0;
    uint8_t source = 0;
    for (int i = 0; i < SOURCES; i++)
        length += add_word(at + length, draw(100) ? 1024 + draw(2048) : draw(65536));
    for (uint32_t partials = draw(18); partials--;) {
        source = (uint8_t)(draw(50) ? source + draw(2) : draw(256));
        at[length++] = draw(50) ? source % SOURCES : source;
        at[length++] = (uint8_t)draw(256);
        at[length++] = (uint8_t)draw(256);
        length += add_word(at + length, draw(20) ? draw(1024) - 512 : draw(65536));
    }
    return length;
}

static uint16_t add_samples(uint8_t *at)
{
    uint16_t length = add_word(at, draw(10) ? 8000 + draw(8000) : draw(65536));
    length += add_word(at + length, draw(10) ? draw(60) : draw(65536));
    for (uint32_t inputs = draw(10) ? 1 + draw(INPUTS) : draw(40); inputs--;)
        at[length++] = (uint8_t)(draw(200) ? draw(INPUTS) : draw(256));
    return length;
}
#endif

static uint16_t generate(uint8_t *frame, uint16_t sequence, uint8_t channels)
{
    static const uint8_t ops[] = {
        1, 2, 3, 3, 3, 4, 5, 6, 7, 7, 8, 8, 8, 8,
#ifdef SAMPLER
        9, 9, 9, 10, 10, 10, 10, 11, 12,
#endif
    };
    uint16_t length = 0;
    frame[length++] = draw(50) ? 1 : (uint8_t)draw(256);
    frame[length++] = draw(50) ? ops[draw(sizeof ops)] : (uint8_t)draw(256);
    frame[length++] = (uint8_t)sequence;
    frame[length++] = (uint8_t)(sequence >> 8);
    switch (frame[1]) {
    case 3:
        length += add_setpoints(frame + length, channels);
        break;
    case 8:
        frame[length++] = (uint8_t)draw(256);
        frame[length++] = (uint8_t)draw(256);
        length += add_setpoints(frame + length, channels);
        break;
    case 4:
    case 5:
    case 7:
        frame[length++] = (uint8_t)draw(draw(2) ? 4 : 256);
        frame[length++] = (uint8_t)draw(draw(2) ? 4 : 256);
        break;
#ifdef SAMPLER
    case 9:
        length += add_outputs(frame + length);
        break;
    case 10:
        length += add_samples(frame + length);
        break;
#endif
    default:
        break;
    }
    if (draw(20) == 0) /* too long, too short, or changed */
        while (length < LONGEST && draw(40))
            frame[length++] = (uint8_t)draw(256);
    if (draw(20) == 0)
        length = (uint16_t)draw(length + 1u);
    if (length && draw(20) == 0)
        frame[draw(length)] = (uint8_t)draw(256);
    return length;
}

/* A commit with a guessed CRC is refused; learn the right one from the refusal, as a host does. */
static void commit_whatever_is_staged(uint16_t sequence)
{
    uint8_t frame[16] = {1, 4, (uint8_t)sequence, (uint8_t)(sequence >> 8), 0, 0};
    send_sealed(frame, 6);
    if (host.size != 9 || host.bytes[4] != 6)
        return;
    uint8_t again[16] = {1, 4, (uint8_t)(sequence + 1), (uint8_t)((sequence + 1) >> 8), host.bytes[7], host.bytes[8]};
    send_sealed(again, 6);
    must(host.bytes[4] == 0, "the table's own CRC is accepted");
}

int main(int argc, char **argv)
{
    unsigned long frames = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    uint16_t sequence = 0;
    uint8_t channels = 4, frame[LONGEST + 2];
    random_state = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    start(channels);
    for (unsigned long i = 0; i < frames; i++) {
        if (draw(1000) == 0) {
            channels = (uint8_t)(1 + draw(MAX_CHANNELS));
            start(channels);
        }
        sequence += draw(10) ? 1 : 0;
        send_sealed(frame, generate(frame, sequence, channels));
        if (draw(8) == 0)
            commit_whatever_is_staged((uint16_t)(sequence += 2));
        if (draw(8) == 0)
            for (uint32_t noise = draw(600); noise--;)
                bank_receive((uint8_t)draw(256));
        let_time_pass(draw(5));
    }
    printf("%lu frames, %lu replies: clean\n", frames, replies);
    return 0;
}
#endif
