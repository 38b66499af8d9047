/*
 * One of the three clients of the demo: a C program on libtenure, to be stopped and continued from
 * outside.
 *
 * Usage: meet HOSTS TIMEOUT_MS PATH WATCHED. Opens a session, watches WATCHED and everything below
 * it, creates the ephemeral PATH, and prints one line for each thing that happens: the time in
 * seconds of the monotonic clock, then words. Closes its session when its standard input ends.
 * Exits with 1 and a line on stderr when something fails.
 *
 * It does not know when it is stopped. When its loop has not turned for a while it prints how the
 * session is by the clock, before it looks at any event.
 */

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <tenure.h>

#define TURN_MS 50
#define GAP_MS 500
#define PATIENCE_MS 10000

static const char *const STATES[] = {"CONNECTING", "CONNECTED", "READ_ONLY",
                                     "SUSPENDED",  "JEOPARDY",  "LOST"};
static const char *const CHANGES[] = {"?", "CREATED", "DELETED", "DATA", "CHILDREN"};

static void need(tenure_status status, const char *what)
{
    if (status == TENURE_OK)
        return;
    fprintf(stderr, "meet: %s: %s: %s\n", what, tenure_status_name(status), tenure_last_error());
    exit(EXIT_FAILURE);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    struct timespec now;
    va_list arguments;
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%lld.%06ld ", (long long)now.tv_sec, now.tv_nsec / 1000);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static const char *state_name(tenure_state state)
{
    return state >= TENURE_CONNECTING && state <= TENURE_LOST ? STATES[state] : "?";
}

static const char *change_name(int32_t change)
{
    return change >= TENURE_CREATED && change <= TENURE_CHILDREN ? CHANGES[change] : "?";
}

static void tell(const tenure_event *event)
{
    switch (tenure_event_kind(event)) {
    case TENURE_KIND_SESSION:
        say("state %s %" PRIu32 " 0x%" PRIx64 " %s", state_name(tenure_event_state(event)),
            tenure_event_epoch(event), (uint64_t)tenure_event_session_id(event),
            tenure_event_text(event));
        break;
    case TENURE_KIND_NODE:
        say("node %s %s", change_name(tenure_event_change(event)), tenure_event_path(event, 0));
        break;
    case TENURE_KIND_RESYNC:
        say("resync %s", tenure_event_text(event));
        break;
    case TENURE_KIND_REPLY:
        need(tenure_event_status(event), tenure_event_text(event));
        say("watching");
        break;
    default:
        break;
    }
}

static void tell_all(const tenure_queue *queue)
{
    tenure_event *event;
    while (tenure_queue_next(queue, 0, &event) == TENURE_OK) {
        tell(event);
        tenure_event_free(event);
    }
}

/* Tells everything up to the event that is waited for. */
static void tell_until(const tenure_queue *queue, tenure_kind kind, tenure_state state)
{
    tenure_event *event;
    bool found = false;
    while (!found) {
        need(tenure_queue_next(queue, PATIENCE_MS, &event), "wait");
        tell(event);
        found = tenure_event_kind(event) == kind &&
                (kind != TENURE_KIND_SESSION || tenure_event_state(event) == state);
        tenure_event_free(event);
    }
}

/* Tells everything until standard input ends. */
static void listen_on(const tenure_client *client, const tenure_queue *queue)
{
    struct pollfd sources[2] = {{STDIN_FILENO, POLLIN, 0}, {tenure_queue_fd(queue), POLLIN, 0}};
    tenure_session *first = tenure_client_session(client);
    int64_t turned = now_ms();
    char ignored[64];

    for (;;) {
        int64_t gap;
        poll(sources, 2, TURN_MS);
        gap = now_ms() - turned;
        if (gap > GAP_MS)
            say("awake %" PRId64 " %s %" PRId64, gap, state_name(tenure_client_state(client)),
                tenure_session_safe_ms(first));
        tell_all(queue);
        turned = now_ms();
        if ((sources[0].revents & (POLLIN | POLLHUP)) != 0 &&
            read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
            break;
    }
    tenure_session_free(first);
}

static void open_session(const char *hosts, uint32_t timeout_ms, const tenure_sink *sink,
                         tenure_client **client)
{
    tenure_options *options = tenure_options_new(hosts);
    if (options == NULL)
        need(TENURE_EINVAL, "hosts");
    need(tenure_options_session_timeout(options, timeout_ms), "session timeout");
    need(tenure_options_recovery(options, TENURE_RENEW), "recovery");
    need(tenure_options_events(options, sink), "events");
    need(tenure_client_new(options, client), "client");
    tenure_options_free(options);
}

int main(int argc, char **argv)
{
    tenure_queue *queue;
    tenure_client *client;
    tenure_watch *watch;
    tenure_sink sink = {sizeof sink, 0, NULL, NULL, NULL, NULL};

    if (argc != 5) {
        fprintf(stderr, "usage: meet HOSTS TIMEOUT_MS PATH WATCHED\n");
        return EXIT_FAILURE;
    }
    need(tenure_queue_new(&queue), "queue");
    sink.queue = queue;
    open_session(argv[1], (uint32_t)strtoul(argv[2], NULL, 10), &sink, &client);
    tell_until(queue, TENURE_KIND_SESSION, TENURE_CONNECTED);
    need(tenure_watch_add(client, argv[4], TENURE_WATCH_RECURSIVE, 0, &sink, &watch), "watch");
    tell_until(queue, TENURE_KIND_REPLY, TENURE_CONNECTED);
    say("creating %s", argv[3]);
    need(tenure_call(client, tenure_req_create(argv[3], NULL, 0, TENURE_EPHEMERAL), PATIENCE_MS,
                     NULL), "create");

    listen_on(client, queue);

    tenure_watch_free(watch);
    need(tenure_client_close_wait(client, PATIENCE_MS), "close");
    say("closed");
    tenure_client_free(client);
    tenure_queue_free(queue);
    return EXIT_SUCCESS;
}
