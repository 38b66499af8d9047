/* Sessions across lost connections, their expiry, and watches that are set again. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* Above the least the server grants, so that an expiry is soon. */
#define SHORT_TIMEOUT 2000

static int make(zhandle_t *zk, const char *path, int mode)
{
    return zoo_create(zk, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, mode, NULL, 0);
}

static void negotiation(const char *direct)
{
    struct client *greedy = open_client(direct, 3600000, NULL);
    struct client *modest = open_client(direct, 10, NULL);
    CLAIM("the longest timeout", greedy && zoo_recv_timeout(greedy->zk) == 40000);
    CLAIM("the shortest timeout", modest && zoo_recv_timeout(modest->zk) == 1000);
    close_client(greedy);
    close_client(modest);
}

static void resume(const char *direct, const char *through, const char *root)
{
    const char *e = below(root, "e"), *w = below(root, "w");
    struct client *client = open_client(through, 10000, NULL);
    struct client *witness = open_client(direct, 10000, NULL);
    struct event event;
    struct Stat stat;
    clientid_t identity;
    char value[8];
    int length = sizeof value;

    if (client == NULL || witness == NULL)
        return;
    identity = *zoo_client_id(client->zk);
    CLAIM("an ephemeral", make(client->zk, e, ZOO_EPHEMERAL) == ZOK);
    CLAIM("three kinds of watch",
          make(client->zk, w, ZOO_PERSISTENT) == ZOK &&
              zoo_wget(client->zk, w, file_event, client, value, &length, NULL) == ZOK &&
              zoo_wexists(client->zk, below(root, "later"), file_event, client, NULL) == ZNONODE);
    for (int round = 0; round < 3; round++) {
        order_proxy("cut");
        CLAIM("the cut is noticed", next_state(client, ZOO_CONNECTING_STATE));
        CLAIM("the connection is back", next_state(client, ZOO_CONNECTED_STATE));
        CLAIM("with the same session",
              memcmp(&identity, zoo_client_id(client->zk), sizeof identity) == 0);
    }
    CLAIM("the ephemeral is still there", zoo_exists(witness->zk, e, 0, &stat) == ZOK &&
                                              stat.ephemeralOwner == identity.client_id);

    order_proxy("refuse");
    CLAIM("away", next_state(client, ZOO_CONNECTING_STATE));
    CLAIM("changes meanwhile", zoo_set(witness->zk, w, "x", 1, -1) == ZOK &&
                                   make(witness->zk, below(root, "later"), 0) == ZOK);
    order_proxy("heal");
    CLAIM("a change is caught up", next_event(client, ZOO_CHANGED_EVENT, &event) &&
                                       strcmp(event.path, w) == 0);
    CLAIM("a creation is caught up", next_event(client, ZOO_CREATED_EVENT, &event) &&
                                         strcmp(event.path, below(root, "later")) == 0);
    CLAIM("a sync call works again", zoo_exists(client->zk, e, 0, &stat) == ZOK);
    close_client(client);
    CLAIM("closing takes the ephemeral away", zoo_exists(witness->zk, e, 0, &stat) == ZNONODE);
    close_client(witness);
}

/* Watches that were not fired by anything missed must still be there after the reconnection. */
static void quiet_reconnection(const char *direct, const char *through, const char *root)
{
    const char *q = below(root, "quiet");
    struct client *client = open_client(through, 10000, NULL);
    struct client *witness = open_client(direct, 10000, NULL);
    struct String_vector children;
    struct event event;
    char value[8];
    int length = sizeof value;
    if (client == NULL || witness == NULL)
        return;
    CLAIM("watches on a quiet znode",
          make(client->zk, q, 0) == ZOK &&
              zoo_wget(client->zk, q, file_event, client, value, &length, NULL) == ZOK &&
              zoo_wget_children(client->zk, q, file_event, client, &children) == ZOK);
    deallocate_String_vector(&children);
    order_proxy("cut");
    CLAIM("reconnected", next_state(client, ZOO_CONNECTING_STATE) &&
                             next_state(client, ZOO_CONNECTED_STATE));
    /* setWatches goes out before any later request of this client is answered. */
    CLAIM("asked once more", zoo_exists(client->zk, q, 0, NULL) == ZOK);
    CLAIM("nothing is invented", pending_events(client, ZOO_CHANGED_EVENT) == 0 &&
                                     pending_events(client, ZOO_CHILD_EVENT) == 0);
    CLAIM("the data watch was set again",
          zoo_set(witness->zk, q, "x", 1, -1) == ZOK &&
              next_event(client, ZOO_CHANGED_EVENT, &event) && strcmp(event.path, q) == 0);
    CLAIM("the child watch was set again",
          make(witness->zk, below(q, "child"), 0) == ZOK &&
              next_event(client, ZOO_CHILD_EVENT, &event) && strcmp(event.path, q) == 0);
    close_client(client);
    close_client(witness);
}

static void expiry(const char *direct, const char *through, const char *root)
{
    const char *e = below(root, "mortal");
    struct client *client = open_client(through, SHORT_TIMEOUT, NULL);
    struct client *witness = open_client(direct, 10000, NULL);
    clientid_t identity;
    if (client == NULL || witness == NULL)
        return;
    identity = *zoo_client_id(client->zk);
    CLAIM("a mortal ephemeral", make(client->zk, e, ZOO_EPHEMERAL) == ZOK);
    CLAIM("with a witness",
          zoo_wexists(witness->zk, e, file_event, witness, NULL) == ZOK);
    order_proxy("refuse");
    CLAIM("vanishes with its session", next_event(witness, ZOO_DELETED_EVENT, NULL));
    CLAIM("before its owner knows", zoo_state(client->zk) != ZOO_EXPIRED_SESSION_STATE);
    order_proxy("heal");
    CLAIM("the owner learns EXPIRED_SESSION", next_state(client, ZOO_EXPIRED_SESSION_STATE));
    CLAIM("its handle is dead", is_unrecoverable(client->zk) == ZINVALIDSTATE &&
                                    zoo_exists(client->zk, e, 0, NULL) == ZINVALIDSTATE);
    close_client(client);

    client = open_client(through, SHORT_TIMEOUT, NULL);
    CLAIM("a new session is another",
          client && zoo_client_id(client->zk)->client_id != identity.client_id);
    close_client(client);
    close_client(witness);
}

static void stolen(const char *direct)
{
    struct client *victim = open_client(direct, 10000, NULL);
    clientid_t forged;
    struct client *thief;
    if (victim == NULL)
        return;
    forged = *zoo_client_id(victim->zk);
    forged.passwd[0] = (char)~forged.passwd[0];
    thief = calloc(1, sizeof *thief);
    pthread_mutex_init(&thief->lock, NULL);
    pthread_cond_init(&thief->heard, NULL);
    thief->zk = zookeeper_init(direct, file_event, 10000, &forged, thief, ZOO_NO_LOG_CLIENTENV);
    CLAIM("a wrong password is an expired session",
          next_state(thief, ZOO_EXPIRED_SESSION_STATE));
    CLAIM("the victim can still work", zoo_exists(victim->zk, "/", 0, NULL) == ZOK ||
                                           next_state(victim, ZOO_CONNECTED_STATE));
    CLAIM("with its own session",
          zoo_client_id(victim->zk)->client_id == forged.client_id);
    close_client(thief);
    close_client(victim);
}

void test_sessions(const char *direct, const char *through, const char *root)
{
    negotiation(direct);
    resume(direct, through, root);
    quiet_reconnection(direct, through, root);
    expiry(direct, through, root);
    stolen(direct);
}
