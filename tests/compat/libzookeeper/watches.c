/* Watches: what fires, how often, and in which order with the answers. */
#include <errno.h>
#include <string.h>

#include "parts.h"

static int make(zhandle_t *zk, const char *path)
{
    return zoo_create(zk, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
}

static void one_shot(struct client *client, const char *root)
{
    zhandle_t *zk = client->zk;
    const char *a = below(root, "a");
    struct String_vector children;
    struct event event;
    char value[8];
    int length = sizeof value;

    CLAIM("exists leaves a watch",
          zoo_wexists(zk, a, file_event, client, NULL) == ZNONODE && make(zk, a) == ZOK &&
              next_event(client, ZOO_CREATED_EVENT, &event) && strcmp(event.path, a) == 0);
    CLAIM("get leaves a watch",
          zoo_wget(zk, a, file_event, client, value, &length, NULL) == ZOK &&
              zoo_set(zk, a, "1", 1, -1) == ZOK && zoo_set(zk, a, "2", 1, -1) == ZOK &&
              next_event(client, ZOO_CHANGED_EVENT, &event) && strcmp(event.path, a) == 0);
    CLAIM("children leave a watch",
          zoo_wget_children(zk, a, file_event, client, &children) == ZOK &&
              make(zk, below(a, "b")) == ZOK && next_event(client, ZOO_CHILD_EVENT, &event) &&
              strcmp(event.path, a) == 0);
    deallocate_String_vector(&children);
    CLAIM("a watch fires once", pending_events(client, ZOO_CHANGED_EVENT) == 0);
    length = sizeof value;
    CLAIM("deletion reaches a data watch",
          zoo_wget(zk, below(a, "b"), file_event, client, value, &length, NULL) == ZOK &&
              zoo_delete(zk, below(a, "b"), -1) == ZOK &&
              next_event(client, ZOO_DELETED_EVENT, &event));
}

static void removal(struct client *client, const char *root)
{
    zhandle_t *zk = client->zk;
    const char *r = below(root, "removed");
    int rc;
    CLAIM("a watch is removed",
          zoo_wexists(zk, r, file_event, client, NULL) == ZNONODE &&
              zoo_remove_watches(zk, r, ZWATCHTYPE_DATA, file_event, client, 0) == ZOK);
    rc = zoo_remove_watches(zk, r, ZWATCHTYPE_DATA, file_event, client, 0);
    CLAIM("only once", rc == ZNOWATCHER);
    CLAIM("it stays silent", make(zk, r) == ZOK &&
                                 zoo_wexists(zk, r, file_event, client, NULL) == ZOK &&
                                 zoo_delete(zk, r, -1) == ZOK &&
                                 next_event(client, ZOO_DELETED_EVENT, NULL) &&
                                 pending_events(client, ZOO_CREATED_EVENT) == 0);
}

/* The client runs watchers and completions on one thread in the order in which frames arrived,
 * so what the server sent first is seen first. */
struct race {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    int version;     /* before the change */
    int outstanding; /* reads without an answer, which still refer to this race */
    bool told;       /* the event came */
    bool early;      /* an answer showed the change before the event came */
    bool seen;       /* an answer showed the change */
};

static void ignored(int rc, const struct Stat *stat, const void *context)
{
    (void)rc, (void)stat, (void)context;
}

static void on_change(zhandle_t *zk, int type, int state, const char *path, void *context)
{
    struct race *race = context;
    (void)zk, (void)state, (void)path;
    if (type == ZOO_SESSION_EVENT)
        return;
    pthread_mutex_lock(&race->lock);
    race->told = true;
    pthread_mutex_unlock(&race->lock);
}

static void on_answer(int rc, const char *value, int length, const struct Stat *stat,
                      const void *context)
{
    struct race *race = (struct race *)(size_t)context;
    (void)value, (void)length;
    pthread_mutex_lock(&race->lock);
    race->outstanding--;
    if (rc == ZOK && stat->version > race->version) {
        race->early = race->early || !race->told;
        race->seen = true;
    }
    pthread_cond_broadcast(&race->answered);
    pthread_mutex_unlock(&race->lock);
}

/* Reads until the change shows; true when the event was there by then. */
static bool event_comes_first(struct client *reader, struct client *writer, const char *path,
                              int version)
{
    static struct race race;
    struct timespec deadline = deadline_in(PATIENCE);
    char value[8];
    int length = sizeof value, rc = 0;
    memset(&race, 0, sizeof race);
    pthread_mutex_init(&race.lock, NULL);
    pthread_cond_init(&race.answered, NULL);
    race.version = version;
    zoo_wget(reader->zk, path, on_change, &race, value, &length, NULL);
    zoo_aset(writer->zk, path, "x", 1, -1, ignored, NULL);
    pthread_mutex_lock(&race.lock);
    while ((!race.seen || race.outstanding > 0) && rc != ETIMEDOUT) {
        if (!race.seen && race.outstanding < 8) {
            race.outstanding++;
            pthread_mutex_unlock(&race.lock);
            zoo_aget(reader->zk, path, 0, on_answer, &race);
            pthread_mutex_lock(&race.lock);
        } else {
            rc = pthread_cond_timedwait(&race.answered, &race.lock, &deadline);
        }
    }
    pthread_mutex_unlock(&race.lock);
    return race.seen && !race.early;
}

static void order(struct client *client, const char *hosts, const char *root)
{
    const char *path = below(root, "race");
    struct client *writer = open_client(hosts, 10000, NULL);
    bool first = true;
    if (writer == NULL)
        return;
    make(client->zk, path);
    for (int version = 0; version < 200 && first; version++)
        first = event_comes_first(client, writer, path, version);
    CLAIM("an event precedes the answer that shows its change", first);
    close_client(writer);
}

static void deaths(struct client *client, const char *hosts, const char *root)
{
    const char *e = below(root, "e");
    struct client *other = open_client(hosts, 10000, NULL);
    struct event event;
    if (other == NULL)
        return;
    CLAIM("another's ephemeral",
          zoo_create(other->zk, e, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0) == ZOK);
    CLAIM("is watched", zoo_wexists(client->zk, e, file_event, client, NULL) == ZOK);
    close_client(other);
    CLAIM("and goes with the close", next_event(client, ZOO_DELETED_EVENT, &event) &&
                                         strcmp(event.path, e) == 0);
}

void test_watches(struct client *client, const char *hosts, const char *root)
{
    one_shot(client, root);
    removal(client, root);
    order(client, hosts, root);
    deaths(client, hosts, root);
}
