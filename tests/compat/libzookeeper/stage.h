/* What every part of the libzookeeper suite stands on: claims, clients that remember what they
 * heard, and orders to the proxy between them and the server.
 *
 * Claims are printed as `ok NAME` or `not ok NAME: WHY`. Nothing here waits without a deadline. */
#ifndef COMPAT_STAGE_H
#define COMPAT_STAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <zookeeper/zookeeper.h>

/* Longer than anything may take on a busy machine, in seconds. */
#define PATIENCE 20

#define CLAIM(name, claim) claim_that((name), (claim), #claim, __FILE__, __LINE__)
/* For what must hold before it makes sense to go on: also ends the calling function. */
#define REQUIRE(name, claim)       \
    do {                           \
        if (!CLAIM(name, claim))   \
            return;                \
    } while (0)

bool claim_that(const char *name, bool holds, const char *claim, const char *file, int line);
int failed_claims(void);

struct event {
    int type;
    int state;
    char path[256];
};

/* A handle and the events its watchers heard, in order. */
struct client {
    zhandle_t *zk;
    pthread_mutex_t lock;
    pthread_cond_t heard;
    struct event events[4096];
    size_t count; /* heard so far */
    size_t taken; /* given out by next_event */
};

/* Connects, or fails a claim and returns NULL. `identity` NULL means a new session. */
struct client *open_client(const char *hosts, int timeout_ms, const clientid_t *identity);
/* Closes the session and frees. */
void close_client(struct client *client);

/* A watcher that files the event with the client given as its context. */
void file_event(zhandle_t *zk, int type, int state, const char *path, void *client);

/* The next event of this type (session events count as ZOO_SESSION_EVENT); those before it are
 * passed over. False when it did not come in time. */
bool next_event(struct client *client, int type, struct event *found);
/* Waits for the session event with this state. */
bool next_state(struct client *client, int state);
/* Events of this type heard and not yet given out. */
size_t pending_events(struct client *client, int type);

/* Tells the proxy to `cut`, `refuse`, `stall` or `heal`; returns when it is done. */
void order_proxy(const char *what);

/* A deadline `seconds` from now, for pthread_cond_timedwait. */
struct timespec deadline_in(int seconds);

#endif
