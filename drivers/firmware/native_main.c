/* The bank as a daemon on a pseudo-terminal or a loopback TCP port, with simulated chips (and converters: BOARD=1).
 *
 *   native [--channels N] [--boot-id ID] [--tcp PORT]      PORT 0: any free one; without --tcp a pseudo-terminal
 *
 * The first line of output says where it listens: "PTY /dev/pts/3" or "TCP 127.0.0.1 40123".
 * Lines on standard input, each answered with one line: stuck CH CODE, mute CH, heal CH, reset, power, codes, quit.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "chips.h"
#include "converters.h"
#include "core.h"
#include "hal.h"

enum { CAUSE_POWER_ON = 1, CAUSE_EXTERNAL = 2 };

static int line = -1; /* the host's end of the wire, -1 while nobody is connected */
static uint8_t out[1024];
static size_t out_used;
static uint8_t channel_count = 64;
static uint16_t boot_id;

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void flush_out(void)
{
    size_t at = 0;
    while (line >= 0 && at < out_used) {
        ssize_t written = write(line, out + at, out_used - at);
        if (written < 0 && errno != EINTR)
            break; /* the host is gone; reading will notice */
        at += written > 0 ? (size_t)written : 0;
    }
    out_used = 0;
}

void hal_send(uint8_t byte)
{
    out[out_used++] = byte;
    if (out_used == sizeof out)
        flush_out();
}

uint32_t hal_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

uint16_t hal_overruns(void)
{
    return 0;
}

static void open_pty(void)
{
    int other;
    char name[128];
    struct termios raw;
    if (openpty(&line, &other, name, NULL, NULL) != 0)
        fail("openpty");
    tcgetattr(other, &raw);
    cfmakeraw(&raw);
    tcsetattr(other, TCSANOW, &raw);
    /* `other` stays open: otherwise reading fails whenever the host closes its end. */
    printf("PTY %s\n", name);
}

static int open_listener(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof address;
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0)
        fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("TCP 127.0.0.1 %d\n", ntohs(address.sin_port));
    return listener;
}

static void accept_host(int listener)
{
    int yes = 1, host = accept(listener, NULL, NULL);
    if (host < 0)
        return;
    if (line >= 0)
        close(line); /* a new host replaces the old one, which may have died without closing */
    setsockopt(host, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    line = host;
}

static void receive(int listener)
{
    uint8_t bytes[512];
    ssize_t count = read(line, bytes, sizeof bytes);
    if (count <= 0) {
        if (listener >= 0) {
            close(line);
            line = -1;
        }
        return;
    }
    for (ssize_t i = 0; i < count; i++)
        bank_receive(bytes[i]);
}

#ifdef SAMPLER
/* Take the scans that are due: time goes on for the converters, too. */
static void take_scans(void)
{
    static uint64_t passed_us;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now_us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
    uint64_t due_us = passed_us && now_us - passed_us < 1000000 ? now_us - passed_us : 0;
    converters_let_pass((uint32_t)(16 * due_us));
    passed_us = now_us;
}
#endif

static void reset(uint8_t cause)
{
    bank_init(channel_count, ++boot_id, cause);
}

static void print_codes(void)
{
    for (int channel = 0; channel < channel_count; channel++) {
        if (chips_connected((uint8_t)channel))
            printf("%d ", chips_code((uint8_t)channel));
        else
            printf("open ");
    }
    printf("\n");
}

/* Returns false to end the program. */
static int command(const char *text)
{
    unsigned channel, code;
    if (sscanf(text, "stuck %u %u", &channel, &code) == 2 && channel < channel_count && code <= HIGHEST_CODE)
        chips_stick((uint8_t)channel, (uint16_t)code);
    else if (sscanf(text, "mute %u", &channel) == 1 && channel < channel_count)
        chips_mute((uint8_t)channel);
    else if (sscanf(text, "heal %u", &channel) == 1 && channel < channel_count)
        chips_heal((uint8_t)channel);
    else if (strcmp(text, "reset\n") == 0)
        reset(CAUSE_EXTERNAL);
    else if (strcmp(text, "power\n") == 0) {
        chips_power_up();
        reset(CAUSE_POWER_ON);
    } else if (strcmp(text, "codes\n") == 0) {
        print_codes();
        return 1;
    } else if (strcmp(text, "quit\n") == 0)
        return 0;
    else {
        printf("what?\n");
        return 1;
    }
    printf("ok\n");
    return 1;
}

static long number(const char *text, long least, long greatest)
{
    char *end;
    long value = text ? strtol(text, &end, 10) : -1;
    if (!text || *end || value < least || value > greatest) {
        fprintf(stderr, "%s: a number from %ld to %ld is wanted\n", text ? text : "nothing", least, greatest);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    long port = -1;
    boot_id = (uint16_t)getpid();
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--channels") == 0)
            channel_count = (uint8_t)number(argv[i + 1], 1, MAX_CHANNELS);
        else if (strcmp(argv[i], "--boot-id") == 0)
            boot_id = (uint16_t)number(argv[i + 1], 0, 65535);
        else if (strcmp(argv[i], "--tcp") == 0)
            port = number(argv[i + 1], 0, 65535);
        else {
            fprintf(stderr, "usage: %s [--channels N] [--boot-id ID] [--tcp PORT]\n", argv[0]);
            return 2;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() does not see what is in a stdio buffer */
    chips_power_up();
    bank_init(channel_count, boot_id, CAUSE_POWER_ON);

    int listener = -1;
    if (port < 0)
        open_pty();
    else
        listener = open_listener((uint16_t)port);

    for (;;) {
        struct pollfd wait[3] = {{line, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}, {listener, POLLIN, 0}};
        poll(wait, 3, 5); /* the watchdog and blocks of scans may be 5 ms late */
#ifdef SAMPLER
        take_scans();
#endif
        if (wait[0].revents)
            receive(listener);
        if (wait[1].revents) {
            char text[128];
            if (!fgets(text, sizeof text, stdin) || !command(text))
                return 0;
        }
        if (wait[2].revents)
            accept_host(listener);
        bank_poll();
        flush_out();
    }
}
