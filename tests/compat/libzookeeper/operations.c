/* The synchronous operations, create modes, multi and ACLs. */
#include <stdio.h>
#include <string.h>

#include "parts.h"

const char *below(const char *root, const char *name)
{
    static char buffers[16][256];
    static unsigned turn = 0;
    char *buffer = buffers[turn++ % 16];
    snprintf(buffer, sizeof buffers[0], "%s/%s", root, name);
    return buffer;
}

static int make(zhandle_t *zk, const char *path, const char *value)
{
    return zoo_create(zk, path, value, (int)strlen(value), &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                      NULL, 0);
}

void test_operations(struct client *client, const char *root)
{
    zhandle_t *zk = client->zk;
    const char *a = below(root, "a"), *none = below(root, "none");
    char value[64], made[256];
    int length = sizeof value;
    struct Stat stat, created;
    struct String_vector children;

    REQUIRE("create", zoo_create2(zk, a, "one", 3, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, made,
                                  sizeof made, &created) == ZOK);
    CLAIM("create2 names the znode", strcmp(made, a) == 0);
    CLAIM("create again", make(zk, a, "two") == ZNODEEXISTS);
    CLAIM("create without parent", make(zk, below(none, "child"), "") == ZNONODE);
    CLAIM("create with a bad path", make(zk, "no-slash", "") == ZBADARGUMENTS);

    CLAIM("get", zoo_get(zk, a, 0, value, &length, &stat) == ZOK && length == 3 &&
                     memcmp(value, "one", 3) == 0);
    CLAIM("create2 gives the stat", stat.czxid == created.czxid && stat.mzxid == created.mzxid &&
                                        stat.ctime == created.ctime &&
                                        stat.pzxid == created.pzxid &&
                                        stat.dataLength == created.dataLength);
    CLAIM("stat of a new znode", stat.version == 0 && stat.czxid == stat.mzxid &&
                                     stat.pzxid == stat.czxid && stat.dataLength == 3 &&
                                     stat.ephemeralOwner == 0);
    CLAIM("exists", zoo_exists(zk, a, 0, &stat) == ZOK);
    CLAIM("exists not", zoo_exists(zk, none, 0, &stat) == ZNONODE);
    CLAIM("get of nothing", zoo_get(zk, none, 0, value, &length, &stat) == ZNONODE);

    CLAIM("set", zoo_set2(zk, a, "three", 5, 0, &stat) == ZOK && stat.version == 1 &&
                     stat.dataLength == 5);
    CLAIM("set of a wrong version", zoo_set(zk, a, "x", 1, 0) == ZBADVERSION);
    length = sizeof value;
    CLAIM("set to null", zoo_set(zk, a, NULL, -1, -1) == ZOK &&
                             zoo_get(zk, a, 0, value, &length, &stat) == ZOK && length == -1);
    length = sizeof value;
    CLAIM("set to empty", zoo_set(zk, a, "", 0, -1) == ZOK &&
                              zoo_get(zk, a, 0, value, &length, &stat) == ZOK && length == 0);

    CLAIM("a child", make(zk, below(a, "child"), "c") == ZOK);
    CLAIM("children", zoo_get_children2(zk, a, 0, &children, &stat) == ZOK &&
                          children.count == 1 && strcmp(children.data[0], "child") == 0 &&
                          stat.numChildren == 1 && stat.cversion == 1);
    deallocate_String_vector(&children);
    CLAIM("delete of a parent", zoo_delete(zk, a, -1) == ZNOTEMPTY);
    CLAIM("delete of a wrong version", zoo_delete(zk, below(a, "child"), 5) == ZBADVERSION);
    CLAIM("delete", zoo_delete(zk, below(a, "child"), 0) == ZOK);
    CLAIM("delete of nothing", zoo_delete(zk, below(a, "child"), -1) == ZNONODE);
    CLAIM("pzxid after delete", zoo_exists(zk, a, 0, &stat) == ZOK && stat.numChildren == 0 &&
                                    stat.cversion == 2 && stat.pzxid > stat.mzxid);
}

void test_modes(struct client *client, const char *root)
{
    zhandle_t *zk = client->zk;
    char made[256];
    struct Stat stat;
    int rc;

    rc = zoo_create(zk, below(root, "s-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                    made, sizeof made);
    CLAIM("sequential", rc == ZOK && strcmp(made, below(root, "s-0000000000")) == 0);
    rc = zoo_create(zk, below(root, "s-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL,
                    made, sizeof made);
    CLAIM("ephemeral sequential", rc == ZOK && strcmp(made, below(root, "s-0000000001")) == 0);
    rc = zoo_create(zk, below(root, "e"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, made,
                    sizeof made);
    CLAIM("ephemeral", rc == ZOK && zoo_exists(zk, below(root, "e"), 0, &stat) == ZOK &&
                           stat.ephemeralOwner == zoo_client_id(zk)->client_id);
    CLAIM("no children for ephemerals",
          make(zk, below(below(root, "e"), "child"), "") == ZNOCHILDRENFOREPHEMERALS);
    rc = zoo_create(zk, below(root, "c"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, made,
                    sizeof made);
    CLAIM("container", rc == ZOK && zoo_exists(zk, below(root, "c"), 0, &stat) == ZOK &&
                           stat.ephemeralOwner == 0);
    rc = zoo_create2_ttl(zk, below(root, "t"), "", 0, &ZOO_OPEN_ACL_UNSAFE,
                         ZOO_PERSISTENT_WITH_TTL, 60000, made, sizeof made, &stat);
    CLAIM("with a time to live",
          rc == ZOK && stat.ephemeralOwner == 0 && strcmp(made, below(root, "t")) == 0);
    rc = zoo_create_ttl(zk, below(root, "bad"), "", 0, &ZOO_OPEN_ACL_UNSAFE,
                        ZOO_PERSISTENT_WITH_TTL, 0, made, sizeof made);
    CLAIM("with no time to live", rc == ZBADARGUMENTS);
}

void test_multi(struct client *client, const char *root)
{
    zhandle_t *zk = client->zk;
    const char *a = below(root, "a"), *b = below(root, "b");
    zoo_op_t ops[4];
    zoo_op_result_t results[4];
    char made[256];
    struct Stat stat;

    REQUIRE("a znode for multi", make(zk, a, "old") == ZOK);
    zoo_check_op_init(&ops[0], a, 0);
    zoo_create_op_init(&ops[1], b, "b", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, made,
                       sizeof made);
    zoo_set_op_init(&ops[2], b, "bb", 2, 0, &stat);
    zoo_delete_op_init(&ops[3], a, -1);
    CLAIM("multi", zoo_multi(zk, 4, ops, results) == ZOK);
    CLAIM("multi results", results[0].err == ZOK && results[1].err == ZOK &&
                               strcmp(made, b) == 0 && results[2].err == ZOK &&
                               stat.version == 1 && results[3].err == ZOK);
    CLAIM("multi did delete", zoo_exists(zk, a, 0, NULL) == ZNONODE);

    zoo_delete_op_init(&ops[0], b, -1);
    zoo_check_op_init(&ops[1], b, 7);
    zoo_create_op_init(&ops[2], a, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    CLAIM("a multi that fails", zoo_multi(zk, 3, ops, results) == ZNONODE);
    CLAIM("its results", results[0].err == ZOK && results[1].err == ZNONODE &&
                             results[2].err == ZRUNTIMEINCONSISTENCY);
    CLAIM("it changed nothing", zoo_exists(zk, b, 0, &stat) == ZOK &&
                                    zoo_exists(zk, a, 0, NULL) == ZNONODE);
}

static void on_auth(int rc, const void *data)
{
    /* The client keeps completions on one thread; the value is read after a later answer. */
    *(volatile int *)(void *)(size_t)data = rc;
}

void test_acls(struct client *client, const char *hosts, const char *root)
{
    zhandle_t *zk = client->zk;
    const char *mine = below(root, "mine");
    struct client *other = open_client(hosts, 10000, NULL);
    struct ACL_vector acl;
    struct Stat stat;
    char value[16];
    int length = sizeof value;
    static volatile int authenticated;

    if (other == NULL)
        return;
    authenticated = 1;
    CLAIM("creator without identity",
          zoo_create(zk, mine, "", 0, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0) == ZINVALIDACL);
    CLAIM("add_auth", zoo_add_auth(zk, "digest", "ann:pw", 6, on_auth,
                                   (const void *)(size_t)&authenticated) == ZOK);
    CLAIM("create with an ACL",
          zoo_create(zk, mine, "x", 1, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0) == ZOK);
    CLAIM("add_auth succeeds", authenticated == ZOK);
    CLAIM("get_acl", zoo_get_acl(zk, mine, &acl, &stat) == ZOK && acl.count == 1 &&
                         strcmp(acl.data[0].id.scheme, "digest") == 0 &&
                         strncmp(acl.data[0].id.id, "ann:", 4) == 0);
    deallocate_ACL_vector(&acl);
    CLAIM("others may not read", zoo_get(other->zk, mine, 0, value, &length, &stat) == ZNOAUTH);
    CLAIM("others may not write", zoo_set(other->zk, mine, "y", 1, -1) == ZNOAUTH);
    CLAIM("others authenticate",
          zoo_add_auth(other->zk, "digest", "ann:pw", 6, NULL, NULL) == ZOK);
    CLAIM("then they may", zoo_get(other->zk, mine, 0, value, &length, &stat) == ZOK);
    CLAIM("set_acl", zoo_set_acl(zk, mine, 0, &ZOO_READ_ACL_UNSAFE) == ZOK);
    CLAIM("set_acl of a wrong version",
          zoo_set_acl(zk, mine, 0, &ZOO_OPEN_ACL_UNSAFE) == ZNOAUTH);
    CLAIM("an ACL that only reads", zoo_set(zk, mine, "y", 1, -1) == ZNOAUTH);
    close_client(other);
}
