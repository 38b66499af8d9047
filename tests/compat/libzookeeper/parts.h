/* The parts of the suite. Each gets a znode of its own to work below. */
#ifndef COMPAT_PARTS_H
#define COMPAT_PARTS_H

#include "stage.h"

void test_operations(struct client *client, const char *root);
void test_modes(struct client *client, const char *root);
void test_multi(struct client *client, const char *root);
void test_acls(struct client *client, const char *hosts, const char *root);
void test_asynchronous(struct client *client, const char *root);
void test_watches(struct client *client, const char *hosts, const char *root);
/* `through` is the proxy, `direct` the server. */
void test_sessions(const char *direct, const char *through, const char *root);

/* `root/name` in one of several buffers that are used in turn. */
const char *below(const char *root, const char *name);

#endif
