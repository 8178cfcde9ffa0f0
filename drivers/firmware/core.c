#include "core.h"

#include <stddef.h>

#include "frame.h"
#include "hal.h"
#include "reply.h"
#include "sampler.h"
#include "wipers.h"

#if MAX_CHANNELS < 1 || MAX_CHANNELS > 128
#error "a bank has 1 to 128 channels"
#endif

enum { VERSION_MIN = 1, VERSION_MAX = 1, FIRMWARE_REVISION = 2 };

enum op {
    OP_HELLO = 1,
    OP_STATUS = 2,
    OP_STAGE = 3,
    OP_COMMIT = 4,
    OP_READ = 5,
    OP_SAFE = 6,
    OP_ARM = 7,
    OP_STAGE_COMMIT = 8,
};

enum state { SAFE = 0, ARMED = 1, TRIPPED = 2 };

enum form { RUN = 0, PAIRS = 1 };
enum { HEADER = 4 };

static struct frame_decoder request;

/* A repeated request is answered with the last reply, and is not executed again. */
static uint8_t answered;
static uint16_t answered_sequence, answered_crc;

static uint16_t staged[MAX_CHANNELS];
static uint8_t channels;
static uint16_t boot_id;
static uint8_t reset_cause;

static uint8_t state;
static uint16_t watchdog_ms;
static uint32_t fed_ms, started_ms, switched_ms;
static uint16_t accepted, dropped, repeated, trips;
static uint8_t terminal_faults;
static uint8_t reopened, reopening_faults; /* channels opened again in this round, and those that did not open */

static uint16_t table_crc(void)
{
    uint16_t crc = FRAME_CRC_START;
    for (uint8_t channel = 0; channel < channels; channel++) {
        crc = frame_crc(crc, (uint8_t)staged[channel]);
        crc = frame_crc(crc, (uint8_t)(staged[channel] >> 8));
    }
    return crc;
}

/* Setpoints inside a request, in one of two forms: whichever is shorter for the host. */
struct setpoints {
    const uint8_t *entries;
    uint8_t form, first, count;
};

static uint8_t parse_setpoints(struct setpoints *list, const uint8_t *payload, uint16_t length)
{
    uint16_t header = 1, width = 3;
    if (length < 1 || payload[0] > PAIRS)
        return 0;
    list->form = payload[0];
    if (list->form == RUN) {
        if (length < 2)
            return 0;
        list->first = payload[1];
        header = 2;
        width = 2;
    }
    list->entries = payload + header;
    list->count = (uint8_t)((length - header) / width); /* the longest frame holds 131 */
    return (length - header) % width == 0;
}

static uint16_t channel_of(const struct setpoints *list, uint8_t i)
{
    return list->form == RUN ? (uint16_t)list->first + i : list->entries[3 * (uint16_t)i];
}

static uint16_t code_of(const struct setpoints *list, uint8_t i)
{
    return get16(list->form == RUN ? list->entries + 2 * (uint16_t)i : list->entries + 3 * (uint16_t)i + 1);
}

static uint8_t in_range(const struct setpoints *list)
{
    for (uint8_t i = 0; i < list->count; i++) {
        if (channel_of(list, i) >= channels || code_of(list, i) > HIGHEST_CODE) {
            refuse(OUT_OF_RANGE);
            put8((uint8_t)channel_of(list, i));
            put16(code_of(list, i));
            return 0;
        }
    }
    return 1;
}

static void stage(const struct setpoints *list)
{
    for (uint8_t i = 0; i < list->count; i++)
        staged[channel_of(list, i)] = code_of(list, i);
}

static uint8_t armed(void)
{
    if (state == ARMED)
        return 1;
    refuse(NOT_ARMED);
    put8(state);
    return 0;
}

static uint8_t wiper_obeys(uint8_t channel)
{
    for (uint8_t attempt = 0; attempt < 2; attempt++) {
        wiper_write(channel, staged[channel]);
        if (wiper_read(channel) == staged[channel])
            return 1;
    }
    return 0;
}

/* Every channel is read from its chip, so a channel that lost its code by itself is detected and set again. If it cannot
 * be read, it is written. */
static void commit(uint16_t expected_crc)
{
    uint16_t crc = table_crc();
    if (crc != expected_crc) {
        refuse(TABLE_MISMATCH);
        put16(crc);
        return;
    }
    uint16_t written = reply_length, bad = written + 1;
    put8(0);
    put8(0);
    for (uint8_t channel = 0; channel < channels; channel++) {
        uint8_t differs = wiper_read(channel) != staged[channel];
        if (!differs && wipers_are_readable())
            continue;
        reply[written] += differs;
        if (!wiper_obeys(channel)) {
            refuse(VERIFY_FAILED);
            reply[bad]++;
            put8(channel);
        }
    }
}

static uint8_t terminals_obey(uint8_t channel, uint8_t connected)
{
    for (uint8_t attempt = 0; attempt < 2; attempt++) {
        if (terminals_switch(channel, connected))
            return 1;
    }
    return 0;
}

static void switch_terminals(uint8_t connected, uint8_t *faulty)
{
    terminal_faults = reopened = reopening_faults = 0;
    switched_ms = hal_now_ms();
    for (uint8_t channel = 0; channel < channels; channel++) {
        if (!terminals_obey(channel, connected)) {
            if (faulty)
                faulty[terminal_faults] = channel;
            terminal_faults++;
        }
    }
}

/* One channel at a time, because the buffer cannot hold the bytes that the host may send during a whole round. */
static void reopen_next(void)
{
    switched_ms = hal_now_ms();
    if (!terminals_obey(reopened, 0))
        reopening_faults++;
    if (++reopened == channels) {
        terminal_faults = reopening_faults;
        reopened = reopening_faults = 0;
    }
}

static void switch_and_report(uint8_t connected)
{
    switch_terminals(connected, reply + reply_length + 1);
    put8(terminal_faults);
    reply_length += terminal_faults;
    if (terminal_faults)
        refuse(VERIFY_FAILED);
}

static void hello(void)
{
    static const char part[] = PART;
    put8(VERSION_MIN);
    put8(VERSION_MAX);
    put8(FIRMWARE_REVISION);
    put8(reset_cause);
    put8(channels);
    put16(HIGHEST_CODE);
    put16(FRAME_MTU);
    put8(sizeof part - 1);
    for (uint8_t i = 0; i < sizeof part - 1; i++)
        put8((uint8_t)part[i]);
    sampler_hello();
}

static void report_status(void)
{
    uint32_t uptime_ms = hal_now_ms() - started_ms;
    put8(state);
    put16(watchdog_ms);
    put16((uint16_t)uptime_ms);
    put16((uint16_t)(uptime_ms >> 16));
    put16(accepted);
    put16(dropped);
    put16(repeated);
    put16(trips);
    put16(hal_overruns());
    put8(terminal_faults);
    put16(table_crc());
    sampler_status();
}

static void read_back(uint8_t first, uint8_t count)
{
    if ((uint16_t)first + count > channels) {
        refuse(OUT_OF_RANGE);
        put8(first > channels ? first : channels);
        put16(0);
        return;
    }
    for (uint8_t i = 0; i < count; i++)
        put16(wiper_read(first + i));
}

static void execute(uint8_t version, uint8_t op, const uint8_t *payload, uint16_t length)
{
    struct setpoints list;

    /* HELLO and SAFE are the same in every version, so that any host can identify the board and make it safe. */
    if (op == OP_HELLO) {
        hello();
        return;
    }
    if (op == OP_SAFE) {
        state = SAFE;
        sampler_rest();
        switch_and_report(0);
        return;
    }
    if (version < VERSION_MIN || version > VERSION_MAX) {
        refuse(BAD_VERSION);
        put8(VERSION_MIN);
        put8(VERSION_MAX);
        return;
    }
    switch (op) {
    case OP_STATUS:
        if (length != 0)
            refuse(MALFORMED);
        else
            report_status();
        break;
    case OP_STAGE:
        if (!parse_setpoints(&list, payload, length)) {
            refuse(MALFORMED);
        } else if (in_range(&list)) {
            stage(&list);
            put8(list.count);
        }
        break;
    case OP_COMMIT:
        if (length != 2)
            refuse(MALFORMED);
        else if (armed())
            commit(get16(payload));
        break;
    case OP_STAGE_COMMIT:
        if (length < 2 || !parse_setpoints(&list, payload + 2, length - 2)) {
            refuse(MALFORMED);
        } else if (in_range(&list) && armed()) {
            stage(&list);
            commit(get16(payload));
        }
        break;
    case OP_READ:
        if (length != 2)
            refuse(MALFORMED);
        else
            read_back(payload[0], payload[1]);
        break;
    case OP_ARM:
        if (length != 2) {
            refuse(MALFORMED);
        } else {
            state = ARMED;
            watchdog_ms = get16(payload);
            switch_and_report(1);
        }
        break;
    default:
        if (!sampler_execute(op, payload, length))
            refuse(BAD_OP);
    }
}

static void handle(void)
{
    const uint8_t *bytes = request.bytes;
    uint16_t sequence = get16(bytes + 2);

    /* Our own reply, echoed by a broken line: it is no sign of the host, and a reply to it would be echoed too. */
    if (bytes[1] & OP_REPLY) {
        dropped++;
        return;
    }
    fed_ms = hal_now_ms();
    if (answered && sequence == answered_sequence && request.crc == answered_crc) {
        repeated++;
    } else {
        accepted++;
        reply_length = 0;
        put8(VERSION_MAX);
        put8(bytes[1] | OP_REPLY);
        put16(sequence);
        put8(OK);
        put16(boot_id);
        execute(bytes[0], bytes[1], bytes + HEADER, request.size - HEADER);
        reply_length = frame_seal(reply, reply_length);
        answered = 1;
        answered_sequence = sequence;
        answered_crc = request.crc;
    }
    frame_send(reply, reply_length, hal_send);
}

void bank_init(uint8_t channel_count, uint16_t new_boot_id, uint8_t cause)
{
    request = (struct frame_decoder){0};
    answered = 0;
    channels = channel_count;
    boot_id = new_boot_id;
    reset_cause = cause;
    state = SAFE;
    watchdog_ms = 0;
    started_ms = fed_ms = hal_now_ms();
    accepted = dropped = repeated = trips = 0;
    sampler_init();
    wipers_begin(channels);
    switch_terminals(0, NULL);
    for (uint8_t channel = 0; channel < channels; channel++) {
        uint16_t code = wiper_read(channel);
        staged[channel] = code <= HIGHEST_CODE ? code : 0;
    }
}

void bank_receive(uint8_t byte)
{
    if (sampler_is_busy())
        sampler_halt(); /* so that the host gets through, however little time scans leave */
    switch (frame_decode(&request, byte)) {
    case FRAME_GOOD:
        handle();
        break;
    case FRAME_BAD:
        dropped++;
        break;
    case FRAME_PENDING:
        break;
    }
}

void bank_poll(void)
{
    if (state == ARMED && watchdog_ms && hal_now_ms() - fed_ms > watchdog_ms) {
        state = TRIPPED;
        trips++;
        sampler_rest();
        switch_terminals(0, NULL);
    } else if (state != ARMED && terminal_faults && hal_now_ms() != switched_ms && !sampler_is_busy()) {
        reopen_next(); /* a chip may obey again once its supply or select line is restored */
    }
    sampler_poll();
}
