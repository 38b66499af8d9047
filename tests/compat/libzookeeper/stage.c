#include "stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures = 0;

bool claim_that(const char *name, bool holds, const char *claim, const char *file, int line)
{
    if (holds) {
        printf("ok %s\n", name);
    } else {
        failures++;
        printf("not ok %s: %s (%s:%d)\n", name, claim, file, line);
    }
    fflush(stdout);
    return holds;
}

int failed_claims(void)
{
    return failures;
}

struct timespec deadline_in(int seconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += seconds;
    return deadline;
}

void file_event(zhandle_t *zk, int type, int state, const char *path, void *context)
{
    struct client *client = context;
    (void)zk;
    pthread_mutex_lock(&client->lock);
    if (client->count < sizeof client->events / sizeof client->events[0]) {
        struct event *event = &client->events[client->count++];
        event->type = type;
        event->state = state;
        snprintf(event->path, sizeof event->path, "%s", path ? path : "");
    }
    pthread_cond_broadcast(&client->heard);
    pthread_mutex_unlock(&client->lock);
}

struct client *open_client(const char *hosts, int timeout_ms, const clientid_t *identity)
{
    struct client *client = calloc(1, sizeof *client);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->heard, NULL);
    client->zk = zookeeper_init(hosts, file_event, timeout_ms, identity, client,
                                ZOO_NO_LOG_CLIENTENV);
    if (client->zk == NULL || !next_state(client, ZOO_CONNECTED_STATE)) {
        CLAIM("a client connects", false);
        if (client->zk != NULL)
            zookeeper_close(client->zk);
        free(client);
        return NULL;
    }
    return client;
}

void close_client(struct client *client)
{
    if (client == NULL)
        return;
    zookeeper_close(client->zk);
    pthread_cond_destroy(&client->heard);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

static bool take(struct client *client, int type, int state, struct event *found)
{
    struct timespec deadline = deadline_in(PATIENCE);
    bool came = false;
    pthread_mutex_lock(&client->lock);
    while (!came) {
        while (!came && client->taken < client->count) {
            const struct event *event = &client->events[client->taken++];
            came = event->type == type && (state == 0 || event->state == state);
            if (came && found != NULL)
                *found = *event;
        }
        if (!came &&
            pthread_cond_timedwait(&client->heard, &client->lock, &deadline) == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&client->lock);
    return came;
}

bool next_event(struct client *client, int type, struct event *found)
{
    return take(client, type, 0, found);
}

bool next_state(struct client *client, int state)
{
    return take(client, ZOO_SESSION_EVENT, state, NULL);
}

size_t pending_events(struct client *client, int type)
{
    size_t pending = 0;
    pthread_mutex_lock(&client->lock);
    for (size_t i = client->taken; i < client->count; i++)
        pending += client->events[i].type == type;
    pthread_mutex_unlock(&client->lock);
    return pending;
}

void order_proxy(const char *what)
{
    char answer[16];
    printf("proxy %s\n", what);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) == NULL || strcmp(answer, "done\n") != 0) {
        CLAIM("the proxy obeys", false);
        exit(1);
    }
}
