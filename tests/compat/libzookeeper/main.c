/* The libzookeeper suite: `compat DIRECT THROUGH`, where DIRECT is the server and THROUGH a proxy
 * in front of it that obeys lines on standard output and answers on standard input. */
#include <stdio.h>
#include <string.h>

#include "parts.h"

static const char *make_root(struct client *client, const char *top, const char *name)
{
    const char *root = below(top, name);
    zoo_create(client->zk, root, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    return root;
}

int main(int argc, char **argv)
{
    char top[64];
    struct client *client;
    if (argc != 3) {
        fprintf(stderr, "usage: %s DIRECT THROUGH\n", argv[0]);
        return 2;
    }
    /* Lost connections are the subject here, and the library says a line about each attempt. */
    zoo_set_debug_level((ZooLogLevel)0);
    client = open_client(argv[1], 30000, NULL);
    if (client == NULL)
        return 1;
    if (zoo_create(client->zk, "/libzookeeper-", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                   ZOO_PERSISTENT_SEQUENTIAL, top, sizeof top) != ZOK) {
        CLAIM("a place to work", false);
        return 1;
    }
    test_operations(client, make_root(client, top, "operations"));
    test_modes(client, make_root(client, top, "modes"));
    test_multi(client, make_root(client, top, "multi"));
    test_asynchronous(client, make_root(client, top, "asynchronous"));
    test_watches(client, argv[1], make_root(client, top, "watches"));
    test_sessions(argv[1], argv[2], make_root(client, top, "sessions"));
    /* Last, because identities cannot be taken back. */
    test_acls(client, argv[1], make_root(client, top, "acls"));
    close_client(client);
    return failed_claims() != 0;
}
