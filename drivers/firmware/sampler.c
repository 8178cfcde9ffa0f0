#include "sampler.h"

#include "cosine.h"
#include "frame.h"
#include "hal.h"
#include "reply.h"

#if SOURCES < 1 || SOURCES > 16 || INPUTS < 1 || INPUTS > 16
#error "a board has 1 to 16 sources and 1 to 16 inputs"
#endif

enum { OP_OUTPUTS = 9, OP_SAMPLE = 10, OP_HALT = 11, OP_REST = 12, OP_SCANS = 13 };

enum {
    MIDDLE = 2048, /* of the range of an output: 0 V for the network */
    HIGHEST = 4095,
    MOST_PARTIALS = 16,
    PARTIAL_BYTES = 5,
    PER_CODE = 4,     /* amplitude steps per code */
    SUM_SHIFT = 16,   /* an amplitude times a cosine, 4 * 16384 per code */
    BLOCK_CODES = 64, /* of 12 bits */
    BLOCK_BYTES = BLOCK_CODES / 2 * 3,
    BLOCK_HEADER = REPLY_HEADER + 4, /* and first scan, number of scans, flags */
    PERIOD_IS_TOO_SHORT = 0xFF,      /* replaces the number of an input in a refusal */
};

enum flag { LATE = 1, LAST = 2 };

/* Cycles that a scan takes, with a reserve for sending it. Measured on the ATmega328P (README.md, Timing). */
enum { SCAN_CYCLES = 500, INPUT_CYCLES = 500, PARTIAL_CYCLES = 230 };

/* A tone of one output: at scan n it adds amplitude * cosine[phase + step * n]. */
struct partial {
    uint8_t source, step, phase;
    int16_t amplitude;
};

struct block {
    uint8_t bytes[BLOCK_HEADER + BLOCK_BYTES + 2];
    volatile uint8_t is_full;
    uint8_t scans, flags, used;
    uint8_t half; /* whether the last byte used holds only the upper 4 bits of a code */
};

static uint16_t levels[SOURCES];
static struct partial partials[MOST_PARTIALS];
static uint8_t partial_count, resting;
static uint16_t loads;

static uint8_t scanned[INPUTS], scanned_count, scans_per_block;
static struct block blocks[2];
static uint8_t filling, sending;
static volatile uint8_t sampling;
static volatile uint16_t taken;
static uint16_t wanted;
static uint8_t header[REPLY_HEADER];

/* Data that an interrupt and the program share must be written before the flag that announces it. */
#define BARRIER() __asm__ volatile("" ::: "memory")

/* Write the codes of scan n of all outputs with tones; they appear at the next latch. */
static void write_tones(uint8_t n)
{
    const struct partial *p = partials, *end = partials + partial_count;
    while (p < end) {
        uint8_t source = p->source;
        int32_t sum = (int32_t)1 << (SUM_SHIFT - 1);
        do {
            uint8_t at = (uint8_t)(p->phase + p->step * n);
            sum += (int32_t)p->amplitude * stored_word(cosines + at);
            p++;
        } while (p < end && p->source == source);
        hal_output_write(source, (uint16_t)(levels[source] + (int16_t)(sum >> SUM_SHIFT)));
    }
}

static void hold_levels(void)
{
    for (uint8_t source = 0; source < SOURCES; source++)
        hal_output_write(source, levels[source]);
    hal_output_latch();
}

static void stop(void)
{
    hal_scans_stop();
    sampling = 0;
    blocks[0].is_full = blocks[1].is_full = 0;
}

void sampler_halt(void)
{
    stop();
    hold_levels();
}

void sampler_rest(void)
{
    stop();
    for (uint8_t source = 0; source < SOURCES; source++)
        levels[source] = MIDDLE;
    partial_count = 0;
    resting = 1;
    hold_levels();
}

void sampler_init(void)
{
    loads = taken = 0;
    sampler_rest();
}

uint8_t sampler_is_busy(void)
{
    return sampling;
}

static void empty(struct block *block)
{
    block->scans = block->flags = block->half = 0;
    block->used = BLOCK_HEADER;
    block->is_full = 0;
}

/* Two codes in three bytes, lowest bits first. */
static void keep(struct block *block, uint16_t code)
{
    uint8_t *at = block->bytes + block->used;
    if (block->half) {
        at[-1] |= (uint8_t)(code << 4);
        at[0] = (uint8_t)(code >> 4);
        block->used += 1;
    } else {
        at[0] = (uint8_t)code;
        at[1] = (uint8_t)(code >> 8);
        block->used += 2;
    }
    block->half ^= 1;
}

void sampler_scan(void)
{
    struct block *block = blocks + filling;
    uint16_t number = taken;
    uint8_t is_last = (uint16_t)(number + 1) == wanted;

    hal_output_latch();
    if (!is_last)
        write_tones((uint8_t)(number + 1));
    if (block->scans == 0 && !block->is_full) {
        block->bytes[REPLY_HEADER] = (uint8_t)number;
        block->bytes[REPLY_HEADER + 1] = (uint8_t)(number >> 8);
    }
    for (uint8_t i = 0; i < scanned_count; i++) {
        uint16_t code = hal_input_read(scanned[i]);
        if (!block->is_full) /* otherwise this scan is lost, and the host sees the gap */
            keep(block, code);
    }
    taken = number + 1;
    if (!block->is_full) {
        block->scans++;
        if (is_last)
            block->flags |= LAST;
        if (hal_scan_is_late())
            block->flags |= LATE;
        if (is_last || block->scans == scans_per_block) {
            BARRIER();
            block->is_full = 1;
            filling ^= 1;
        }
    }
    if (is_last) {
        hal_scans_stop();
        hold_levels();
        sampling = 0;
    }
}

void sampler_poll(void)
{
    struct block *block = blocks + sending;
    if (!block->is_full)
        return;
    BARRIER();
    for (uint8_t i = 0; i < REPLY_HEADER; i++)
        block->bytes[i] = header[i];
    block->bytes[REPLY_HEADER + 2] = block->scans;
    block->bytes[REPLY_HEADER + 3] = block->flags;
    frame_send(block->bytes, frame_seal(block->bytes, block->used), hal_send);
    BARRIER();
    empty(block);
    sending ^= 1;
}

/* The largest excursion of a source's tones from its level, in amplitude steps. */
static uint32_t swing_of(uint8_t source, const uint8_t *partial, uint8_t count)
{
    uint32_t swing = 0;
    for (; count--; partial += PARTIAL_BYTES) {
        if (partial[0] == source) {
            int16_t amplitude = (int16_t)get16(partial + 3);
            swing += amplitude < 0 ? (uint32_t)-(int32_t)amplitude : (uint32_t)amplitude;
        }
    }
    return swing;
}

static void load(const uint8_t *payload, uint16_t length)
{
    const uint8_t *tones = payload + 2 * SOURCES;
    uint8_t count;
    if (length < 2 * SOURCES || (length - 2 * SOURCES) % PARTIAL_BYTES != 0 ||
        (length - 2 * SOURCES) / PARTIAL_BYTES > MOST_PARTIALS) {
        refuse(MALFORMED);
        return;
    }
    count = (uint8_t)((length - 2 * SOURCES) / PARTIAL_BYTES);
    for (uint8_t i = 0; i < count; i++) {
        const uint8_t *partial = tones + PARTIAL_BYTES * i;
        if (partial[0] >= SOURCES || (i && partial[0] < partial[-PARTIAL_BYTES])) {
            refuse(MALFORMED);
            return;
        }
    }
    for (uint8_t source = 0; source < SOURCES; source++) {
        uint16_t level = get16(payload + 2 * source);
        uint32_t centre = (uint32_t)PER_CODE * level, swing = swing_of(source, tones, count);
        if (level > HIGHEST || swing > centre || centre + swing > (uint32_t)PER_CODE * HIGHEST) {
            refuse(OUT_OF_RANGE);
            put8(source);
            put16(level);
            return;
        }
    }
    for (uint8_t source = 0; source < SOURCES; source++)
        levels[source] = get16(payload + 2 * source);
    for (uint8_t i = 0; i < count; i++, tones += PARTIAL_BYTES)
        partials[i] = (struct partial){tones[0], tones[1], tones[2], (int16_t)get16(tones + 3)};
    partial_count = count;
    resting = 0;
    hold_levels();
    put16(++loads);
}

static void sample(const uint8_t *payload, uint16_t length)
{
    uint16_t period, count, least;
    if (length < 5 || length > 4 + INPUTS || get16(payload + 2) == 0) {
        refuse(MALFORMED);
        return;
    }
    period = get16(payload);
    count = (uint16_t)(length - 4);
    for (uint8_t i = 0; i < count; i++) {
        if (payload[4 + i] >= INPUTS) {
            refuse(OUT_OF_RANGE);
            put8(payload[4 + i]);
            put16(0);
            return;
        }
    }
    least = (uint16_t)(SCAN_CYCLES + INPUT_CYCLES * count + (uint16_t)PARTIAL_CYCLES * partial_count);
    if (period < least) {
        refuse(OUT_OF_RANGE);
        put8(PERIOD_IS_TOO_SHORT);
        put16(least);
        return;
    }
    for (uint8_t i = 0; i < count; i++)
        scanned[i] = payload[4 + i];
    scanned_count = (uint8_t)count;
    scans_per_block = (uint8_t)(BLOCK_CODES / count);
    for (uint8_t i = 0; i < REPLY_HEADER; i++)
        header[i] = reply[i];
    header[1] = OP_SCANS | OP_REPLY;
    wanted = get16(payload + 2);
    taken = 0;
    filling = sending = 0;
    empty(blocks);
    empty(blocks + 1);
    sampling = 1;
    write_tones(0);
    hal_scans_start(period);
}

uint8_t sampler_execute(uint8_t op, const uint8_t *payload, uint16_t length)
{
    switch (op) {
    case OP_OUTPUTS:
        load(payload, length);
        return 1;
    case OP_SAMPLE:
        sample(payload, length);
        return 1;
    case OP_HALT:
        sampler_halt();
        break;
    case OP_REST:
        sampler_rest();
        break;
    default:
        return 0;
    }
    put16(taken);
    return 1;
}

void sampler_hello(void)
{
    put8(SOURCES);
    put8(INPUTS);
    put8(MOST_PARTIALS);
}

void sampler_status(void)
{
    put8(resting);
    put16(loads);
    put16(taken);
}
