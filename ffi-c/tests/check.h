/* What the C programs of this folder share: claims, counted sinks, a server and clients of it.
 *
 * Every test prints `ok NAME` or `not ok NAME`. Nothing sleeps to be right: whoever waits, waits for
 * an event, with a deadline. */

#ifndef TENURE_TESTS_CHECK_H
#define TENURE_TESTS_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenure.h>

/* Longer than anything takes that works, in milliseconds. */
#define PATIENCE 30000

/* Failed claims of the test that runs, and failed tests of the program. */
static int failed_claims;
static int failed_tests;

static inline int claim(int holds, const char *text, const char *file, int line) {
  if (!holds) {
    printf("# %s:%d: does not hold: %s (last error: %s)\n", file, line, text, tenure_last_error());
    failed_claims++;
  }
  return holds;
}

static inline void claim_number(int64_t found, int64_t wanted, const char *text, const char *file,
                                int line) {
  if (found != wanted) {
    printf("# %s:%d: %s is %" PRId64 ", not %" PRId64 " (last error: %s)\n", file, line, text, found,
           wanted, tenure_last_error());
    failed_claims++;
  }
}

static inline void claim_text(const char *found, const char *wanted, const char *text,
                              const char *file, int line) {
  if (found == NULL || strcmp(found, wanted) != 0) {
    printf("# %s:%d: %s is \"%s\", not \"%s\"\n", file, line, text, found ? found : "(null)", wanted);
    failed_claims++;
  }
}

static inline void give_up(void) {
  fflush(stdout);
  abort();
}

#define CHECK(condition) claim((condition) != 0, #condition, __FILE__, __LINE__)
#define SAME(found, wanted) claim_number((found), (wanted), #found, __FILE__, __LINE__)
#define TEXT(found, wanted) claim_text((found), (wanted), #found, __FILE__, __LINE__)
#define OK(call) SAME((call), TENURE_OK)
/* For what the rest of a test cannot do without. */
#define NEED(condition)                                                                            \
  do {                                                                                             \
    if (!CHECK(condition)) give_up();                                                              \
  } while (0)

#define RUN(test) run(#test, test)

static inline void run(const char *name, void (*test)(void)) {
  failed_claims = 0;
  test();
  printf("%s %s\n", failed_claims == 0 ? "ok" : "not ok", name);
  fflush(stdout);
  failed_tests += failed_claims != 0;
}

/* ---- sinks whose pointer is counted ---- */

/* Goes with a sink as `user`; the numbers change on library threads. */
typedef struct counted {
  int events;
  int dropped;
  int last_kind;
  int last_status;
} counted;

static inline int now(const int *number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }

static inline void drop_counted(void *user) {
  __atomic_add_fetch(&((counted *)user)->dropped, 1, __ATOMIC_ACQ_REL);
}

static inline void count_event(const tenure_event *event, void *user) {
  counted *counts = user;
  counts->last_kind = tenure_event_kind(event);
  counts->last_status = tenure_event_status(event);
  __atomic_add_fetch(&counts->events, 1, __ATOMIC_ACQ_REL);
}

static inline tenure_sink to_queue(tenure_queue *queue, counted *counts) {
  tenure_sink sink;
  memset(&sink, 0, sizeof sink);
  sink.struct_size = sizeof sink;
  sink.queue = queue;
  sink.user = counts;
  sink.drop_user = counts ? drop_counted : NULL;
  return sink;
}

static inline tenure_sink to_callback(void (*on_event)(const tenure_event *, void *),
                                      counted *counts) {
  tenure_sink sink = to_queue(NULL, counts);
  sink.on_event = on_event;
  return sink;
}

/* ---- a server and its clients ---- */

static inline tenure_server *start_server(void) {
  tenure_server *server = NULL;
  OK(tenure_server_start("127.0.0.1:0", NULL, &server));
  NEED(server != NULL);
  return server;
}

static inline tenure_options *options_for(const tenure_server *server) {
  char hosts[64];
  snprintf(hosts, sizeof hosts, "127.0.0.1:%u", (unsigned)tenure_server_port(server));
  tenure_options *options = tenure_options_new(hosts);
  NEED(options != NULL);
  return options;
}

/* Makes a connected client and frees the options. */
static inline tenure_client *connect_with(tenure_options *options) {
  tenure_client *client = NULL;
  OK(tenure_client_new(options, &client));
  tenure_options_free(options);
  NEED(client != NULL);
  OK(tenure_client_wait_connected(client, PATIENCE));
  return client;
}

static inline tenure_client *connect_to(const tenure_server *server) {
  return connect_with(options_for(server));
}

static inline int64_t session_id_of(const tenure_client *client) {
  tenure_session *session = tenure_client_session(client);
  int64_t id = tenure_session_id(session);
  tenure_session_free(session);
  return id;
}

/* Closes a client that works, and its handle. */
static inline void close_client(tenure_client *client) {
  OK(tenure_client_close_wait(client, PATIENCE));
  tenure_client_free(client);
}

static inline void stop_server(tenure_server *server) { OK(tenure_server_stop(server, PATIENCE)); }

/* ---- requests and events ---- */

static inline const uint8_t *bytes(const char *text) { return (const uint8_t *)text; }

/* A call of which only the status is of interest. */
static inline tenure_status status_of(const tenure_client *client, tenure_request *request) {
  return tenure_call(client, request, PATIENCE, NULL);
}

/* A call whose reply is looked at. */
static inline tenure_event *reply_to(const tenure_client *client, tenure_request *request) {
  tenure_event *reply = NULL;
  (void)tenure_call(client, request, PATIENCE, &reply);
  NEED(reply != NULL);
  return reply;
}

static inline tenure_request *create(const char *path, const char *data, uint32_t flags) {
  return tenure_req_create(path, bytes(data), strlen(data), flags);
}

/* The next event of a queue; fails the program if none comes. */
static inline tenure_event *next_event(const tenure_queue *queue) {
  tenure_event *event = NULL;
  OK(tenure_queue_next(queue, PATIENCE, &event));
  NEED(event != NULL);
  return event;
}

/* Takes events until one of this kind comes; the others are freed. */
static inline tenure_event *next_of_kind(const tenure_queue *queue, tenure_kind kind) {
  for (;;) {
    tenure_event *event = next_event(queue);
    if (tenure_event_kind(event) == kind) return event;
    tenure_event_free(event);
  }
}

/* Takes events until the session is in this state. */
static inline tenure_event *next_state(const tenure_queue *queue, tenure_state state) {
  for (;;) {
    tenure_event *event = next_of_kind(queue, TENURE_KIND_SESSION);
    if (tenure_event_state(event) == state) return event;
    tenure_event_free(event);
  }
}

/* Whether nothing waits in a queue. */
static inline int is_empty(const tenure_queue *queue) {
  tenure_event *event = NULL;
  tenure_status status = tenure_queue_next(queue, 0, &event);
  tenure_event_free(event);
  return status == TENURE_EAGAIN;
}

/* Data and stat of a znode, for the tests that compare them. */
static inline int has_data(const tenure_event *reply, const char *wanted) {
  size_t len = 0;
  const uint8_t *data = tenure_event_data(reply, 0, &len);
  return data != NULL && len == strlen(wanted) && memcmp(data, wanted, len) == 0;
}

#endif
