/* The asynchronous operations: each answer comes once, in the order of the requests. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

/* What completions write and the test waits for. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int answers;
    int next;     /* the number the next answer has to carry */
    bool ordered; /* no answer overtook another */
    int codes;    /* sum of the codes: 0 when all went well */
    char text[256];
    struct Stat stat;
    int count;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void begin(void)
{
    pthread_mutex_lock(&seen.lock);
    seen.answers = seen.next = seen.codes = seen.count = 0;
    seen.ordered = true;
    memset(seen.text, 0, sizeof seen.text);
    pthread_mutex_unlock(&seen.lock);
}

static bool answered(int wanted)
{
    struct timespec deadline = deadline_in(PATIENCE);
    bool came;
    pthread_mutex_lock(&seen.lock);
    while (seen.answers < wanted &&
           pthread_cond_timedwait(&seen.changed, &seen.lock, &deadline) != ETIMEDOUT)
        ;
    came = seen.answers == wanted;
    pthread_mutex_unlock(&seen.lock);
    return came;
}

static void note(int rc, const void *number, const char *text, int length,
                 const struct Stat *stat)
{
    pthread_mutex_lock(&seen.lock);
    seen.answers++;
    seen.ordered = seen.ordered && (int)(size_t)number == seen.next;
    seen.next++;
    seen.codes += rc;
    if (text != NULL)
        snprintf(seen.text, sizeof seen.text, "%.*s", length, text);
    if (stat != NULL)
        seen.stat = *stat;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static void on_string(int rc, const char *value, const void *number)
{
    note(rc, number, value, value ? (int)strlen(value) : 0, NULL);
}

static void on_string_stat(int rc, const char *value, const struct Stat *stat, const void *number)
{
    note(rc, number, value, value ? (int)strlen(value) : 0, stat);
}

static void on_data(int rc, const char *value, int length, const struct Stat *stat,
                    const void *number)
{
    note(rc, number, value, length, stat);
}

static void on_stat(int rc, const struct Stat *stat, const void *number)
{
    note(rc, number, NULL, 0, stat);
}

static void on_void(int rc, const void *number)
{
    note(rc, number, NULL, 0, NULL);
}

static void on_strings(int rc, const struct String_vector *strings, const void *number)
{
    seen.count = strings != NULL ? strings->count : -1;
    note(rc, number, NULL, 0, NULL);
}

static void on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat,
                            const void *number)
{
    seen.count = strings != NULL ? strings->count : -1;
    note(rc, number, NULL, 0, stat);
}

static void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *number)
{
    seen.count = acl != NULL ? acl->count : -1;
    note(rc, number, NULL, 0, stat);
}

static void each_operation(zhandle_t *zk, const char *root)
{
    const char *a = below(root, "a");
    const void *first = (void *)0;

    begin();
    zoo_acreate(zk, a, "v", 1, &ZOO_OPEN_ACL_UNSAFE, 0, on_string, first);
    CLAIM("acreate", answered(1) && seen.codes == 0 && strcmp(seen.text, a) == 0);
    begin();
    zoo_acreate2(zk, below(root, "b"), "v", 1, &ZOO_OPEN_ACL_UNSAFE, 0, on_string_stat, first);
    CLAIM("acreate2", answered(1) && seen.codes == 0 && seen.stat.dataLength == 1);
    begin();
    zoo_aexists(zk, a, 0, on_stat, first);
    CLAIM("aexists", answered(1) && seen.codes == 0 && seen.stat.version == 0);
    begin();
    zoo_aget(zk, a, 0, on_data, first);
    CLAIM("aget", answered(1) && seen.codes == 0 && strcmp(seen.text, "v") == 0);
    begin();
    zoo_aset(zk, a, "w", 1, 0, on_stat, first);
    CLAIM("aset", answered(1) && seen.codes == 0 && seen.stat.version == 1);
    begin();
    zoo_aget_children(zk, root, 0, on_strings, first);
    CLAIM("aget_children", answered(1) && seen.codes == 0 && seen.count == 2);
    begin();
    zoo_aget_children2(zk, root, 0, on_strings_stat, first);
    CLAIM("aget_children2", answered(1) && seen.count == 2 && seen.stat.numChildren == 2);
    begin();
    zoo_aget_acl(zk, a, on_acl, first);
    CLAIM("aget_acl", answered(1) && seen.codes == 0 && seen.count == 1);
    begin();
    zoo_aset_acl(zk, a, 0, &ZOO_OPEN_ACL_UNSAFE, on_void, first);
    CLAIM("aset_acl", answered(1) && seen.codes == 0);
    begin();
    zoo_async(zk, root, on_string, first);
    CLAIM("async", answered(1) && seen.codes == 0 && strcmp(seen.text, root) == 0);
    begin();
    zoo_adelete(zk, a, -1, on_void, first);
    CLAIM("adelete", answered(1) && seen.codes == 0);
    begin();
    zoo_aget(zk, a, 0, on_data, first);
    CLAIM("aget of nothing", answered(1) && seen.codes == ZNONODE);
}

static void a_pipeline(zhandle_t *zk, const char *root)
{
    enum { DEEP = 2000 };
    const char *p = below(root, "pipeline");
    begin();
    zoo_acreate(zk, p, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, on_string, (void *)0);
    for (size_t i = 1; i < DEEP; i++) {
        if (i % 2)
            zoo_aset(zk, p, "x", 1, -1, on_stat, (void *)i);
        else
            zoo_aget(zk, p, 0, on_data, (void *)i);
    }
    CLAIM("a pipeline is answered", answered(DEEP) && seen.codes == 0);
    CLAIM("a pipeline is answered in order", seen.ordered);
    CLAIM("a pipeline did all its work", seen.stat.version == DEEP / 2);
}

static void a_multi(zhandle_t *zk, const char *root)
{
    static zoo_op_t ops[2];
    static zoo_op_result_t results[2];
    static char made[256];
    zoo_create_op_init(&ops[0], below(root, "m"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, made,
                       sizeof made);
    zoo_check_op_init(&ops[1], below(root, "m"), 0);
    begin();
    zoo_amulti(zk, 2, ops, results, on_void, (void *)0);
    CLAIM("amulti", answered(1) && seen.codes == 0 && strcmp(made, below(root, "m")) == 0);
}

void test_asynchronous(struct client *client, const char *root)
{
    each_operation(client->zk, root);
    a_pipeline(client->zk, root);
    a_multi(client->zk, root);
}
