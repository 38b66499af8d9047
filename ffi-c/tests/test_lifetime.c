/* Lifetimes: who frees what and when, closing, callbacks that call back, threads, forks, signals. */

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static tenure_server *server;

/* ---- drop_user, exactly once ---- */

static void a_taken_sink_is_dropped_once(void) {
  tenure_client *client = connect_to(server);
  counted replied = {0}, failed = {0}, watched = {0}, closed = {0};
  tenure_sink sink = to_callback(count_event, &replied);
  OK(tenure_submit(client, tenure_req_get("/"), &sink, PATIENCE));
  sink = to_callback(count_event, &failed);
  OK(tenure_submit(client, tenure_req_get("/absent"), &sink, PATIENCE));
  sink = to_callback(count_event, &watched);
  tenure_request *request = tenure_req_exists("/absent");
  OK(tenure_req_watch(request, &sink));
  SAME(status_of(client, request), TENURE_NO_NODE);
  sink = to_callback(count_event, &closed);
  OK(tenure_client_close(client, &sink));
  OK(tenure_client_close_wait(client, PATIENCE));
  SAME(now(&replied.events), 1);
  SAME(now(&replied.dropped), 1);
  SAME(now(&failed.events), 1);
  SAME(failed.last_status, TENURE_NO_NODE);
  SAME(now(&failed.dropped), 1);
  SAME(now(&watched.events), 1);
  SAME(watched.last_kind, TENURE_KIND_END);
  SAME(now(&watched.dropped), 1);
  SAME(now(&closed.events), 1);
  OK(closed.last_status);
  SAME(now(&closed.dropped), 1);
  tenure_client_free(client);
}

static void a_refused_sink_is_dropped_before_the_call_returns(void) {
  tenure_client *client = connect_to(server);
  tenure_queue *queue = NULL;
  OK(tenure_queue_new(&queue));
  counted counts = {0};
  tenure_sink sink = to_queue(queue, &counts);
  int refused = 0;

  SAME(tenure_submit(NULL, tenure_req_get("/"), &sink, 0), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);
  SAME(tenure_submit(client, NULL, &sink, 0), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);
  SAME(tenure_submit(client, tenure_req_get("no-slash"), &sink, 0), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);
  SAME(tenure_client_close(NULL, &sink), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);
  SAME(tenure_options_events(NULL, &sink), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);
  SAME(tenure_req_watch(NULL, &sink), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);
  tenure_request *request = tenure_req_set("/", NULL, 0);
  SAME(tenure_req_watch(request, &sink), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);
  tenure_req_free(request);

  tenure_sink both = sink, neither = sink, flagged = sink;
  both.on_event = count_event;
  neither.queue = NULL;
  flagged.flags = 1;
  SAME(tenure_submit(client, tenure_req_get("/"), &both, 0), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);
  SAME(tenure_submit(client, tenure_req_get("/"), &neither, 0), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);
  SAME(tenure_submit(client, tenure_req_get("/"), &flagged, 0), TENURE_EINVAL);
  SAME(now(&counts.dropped), ++refused);

  close_client(client);
  SAME(now(&counts.events), 0);
  SAME(now(&counts.dropped), refused);
  tenure_queue_free(queue);
}

static void a_sink_of_another_size_is_read_with_care(void) {
  tenure_client *client = connect_to(server);
  counted counts = {0};
  struct {
    tenure_sink sink;
    uint64_t later;
  } larger = {to_callback(count_event, &counts), 0};
  larger.sink.struct_size = sizeof larger;
  OK(tenure_submit(client, tenure_req_get("/"), &larger.sink, PATIENCE));
  OK(status_of(client, tenure_req_get("/")));
  SAME(now(&counts.events), 1);
  SAME(now(&counts.dropped), 1);
  larger.later = 1;
  SAME(tenure_submit(client, tenure_req_get("/"), &larger.sink, PATIENCE), TENURE_EINVAL);
  SAME(now(&counts.dropped), 2);
  /* Of one that is too small nothing is read, so nothing is given back. */
  tenure_sink *small = malloc(sizeof(uint64_t));
  NEED(small != NULL);
  small->struct_size = sizeof(uint64_t);
  SAME(tenure_submit(client, tenure_req_get("/"), small, 0), TENURE_EINVAL);
  free(small);
  SAME(now(&counts.dropped), 2);
  close_client(client);
}

static void a_closed_client_refuses_and_drops(void) {
  tenure_client *client = connect_to(server);
  counted counts = {0};
  tenure_sink sink = to_callback(count_event, &counts);
  tenure_watch *watch = NULL;
  tenure_event *reply = NULL;
  OK(tenure_client_close_wait(client, PATIENCE));
  SAME(tenure_submit(client, tenure_req_get("/"), &sink, PATIENCE), TENURE_ECLOSED);
  SAME(tenure_watch_add(client, "/", 0, 0, &sink, &watch), TENURE_ECLOSED);
  SAME(tenure_client_close(client, &sink), TENURE_ECLOSED);
  SAME(now(&counts.dropped), 3);
  SAME(now(&counts.events), 0);
  SAME(tenure_call(client, tenure_req_get("/"), PATIENCE, &reply), TENURE_ECLOSED);
  CHECK(reply == NULL && watch == NULL);
  OK(tenure_client_close_wait(client, 0));
  CHECK(tenure_client_wait_connected(client, PATIENCE) != TENURE_OK);
  tenure_client_free(client);
}

static void the_sink_of_options_outlives_them(void) {
  counted counts = {0}, replaced = {0};
  tenure_options *options = options_for(server);
  tenure_sink sink = to_callback(count_event, &replaced);
  OK(tenure_options_events(options, &sink));
  sink = to_callback(count_event, &counts);
  OK(tenure_options_events(options, &sink));
  SAME(now(&replaced.dropped), 1);
  tenure_client *one = NULL, *two = NULL;
  OK(tenure_client_new(options, &one));
  OK(tenure_client_new(options, &two));
  OK(tenure_client_wait_connected(one, PATIENCE));
  OK(tenure_client_wait_connected(two, PATIENCE));
  tenure_options_free(options);
  close_client(one);
  SAME(now(&counts.dropped), 0);
  close_client(two);
  SAME(now(&counts.dropped), 1);
  CHECK(now(&counts.events) >= 4);
  SAME(counts.last_kind, TENURE_KIND_SESSION);

  options = options_for(server);
  counted unused = {0};
  sink = to_callback(count_event, &unused);
  OK(tenure_options_events(options, &sink));
  tenure_options_free(options);
  SAME(now(&unused.dropped), 1);
}

static void the_sink_of_a_request_goes_with_it(void) {
  counted counts = {0};
  tenure_sink sink = to_callback(count_event, &counts);
  tenure_request *request = tenure_req_get("/");
  OK(tenure_req_watch(request, &sink));
  OK(tenure_req_watch(request, &sink));
  SAME(now(&counts.dropped), 1);
  tenure_req_free(request);
  SAME(now(&counts.dropped), 2);
  request = tenure_req_get("/");
  OK(tenure_req_watch(request, &sink));
  SAME(tenure_call(NULL, request, 0, NULL), TENURE_EINVAL);
  SAME(now(&counts.dropped), 3);
  request = tenure_req_get("/");
  OK(tenure_req_watch(request, &sink));
  SAME(tenure_req_add(request, request), TENURE_EINVAL);
  SAME(tenure_req_add(NULL, request), TENURE_EINVAL);
  SAME(now(&counts.dropped), 4);
}

static void an_event_that_is_held_keeps_its_pointer(void) {
  tenure_client *client = connect_to(server);
  tenure_queue *queue = NULL;
  OK(tenure_queue_new(&queue));
  counted counts = {0};
  tenure_sink sink = to_queue(queue, &counts);
  OK(tenure_submit(client, tenure_req_get("/"), &sink, PATIENCE));
  tenure_event *event = next_event(queue);
  tenure_event *copy = tenure_event_clone(event);
  close_client(client);
  tenure_queue_free(queue);
  tenure_event_free(event);
  SAME(now(&counts.dropped), 0);
  CHECK(tenure_event_user(copy) == &counts);
  tenure_event_free(copy);
  SAME(now(&counts.dropped), 1);
}

static void a_request_that_waits_is_answered_at_the_close(void) {
  tenure_server *gone = start_server();
  tenure_options *options = options_for(gone);
  stop_server(gone);
  tenure_client *client = NULL;
  OK(tenure_client_new(options, &client));
  tenure_options_free(options);
  counted counts = {0};
  tenure_sink sink = to_callback(count_event, &counts);
  OK(tenure_submit(client, tenure_req_get("/"), &sink, -1));
  CHECK(tenure_client_close_wait(client, PATIENCE) != TENURE_ETIMEDOUT);
  SAME(now(&counts.events), 1);
  CHECK(counts.last_status != TENURE_OK);
  SAME(now(&counts.dropped), 1);
  tenure_client_free(client);
}

/* ---- callbacks that call back ---- */

typedef struct caller {
  counted counts;
  tenure_client *client;
  tenure_server *server;
  tenure_queue *queue;
  int ended;
} caller;

static void call_everything_that_blocks(const tenure_event *event, void *user) {
  caller *self = user;
  uint8_t *token = NULL;
  size_t len = 0;
  tenure_event *taken = NULL;
  OK(tenure_event_status(event));
  SAME(tenure_call(self->client, tenure_req_get("/"), PATIENCE, NULL), TENURE_EDEADLK);
  SAME(tenure_client_wait_connected(self->client, PATIENCE), TENURE_EDEADLK);
  SAME(tenure_client_close_wait(self->client, PATIENCE), TENURE_EDEADLK);
  SAME(tenure_client_detach(self->client, &token, &len), TENURE_EDEADLK);
  SAME(tenure_queue_next(self->queue, 1, &taken), TENURE_EDEADLK);
  SAME(tenure_queue_next(self->queue, -1, &taken), TENURE_EDEADLK);
  SAME(tenure_queue_next(self->queue, 0, &taken), TENURE_EAGAIN);
  SAME(tenure_server_stop(self->server, PATIENCE), TENURE_EDEADLK);
  SAME(tenure_client_state(self->client), TENURE_CONNECTED);
  count_event(event, self);
}

static void blocking_in_a_callback_is_refused(void) {
  caller self = {.client = connect_to(server), .server = server};
  OK(tenure_queue_new(&self.queue));
  tenure_sink sink = to_callback(call_everything_that_blocks, &self.counts);
  OK(tenure_submit(self.client, tenure_req_get("/"), &sink, PATIENCE));
  OK(status_of(self.client, tenure_req_get("/")));
  SAME(now(&self.counts.events), 1);
  close_client(self.client);
  SAME(now(&self.counts.dropped), 1);
  tenure_queue_free(self.queue);
}

static void submit_the_next(const tenure_event *event, void *user) {
  caller *self = user;
  count_event(event, user);
  if (now(&self->counts.events) < 100) {
    tenure_sink sink = to_callback(submit_the_next, &self->counts);
    OK(tenure_submit(self->client, tenure_req_get("/"), &sink, PATIENCE));
  } else {
    __atomic_store_n(&self->ended, 1, __ATOMIC_RELEASE);
    tenure_sink sink = to_callback(count_event, &self->counts);
    OK(tenure_client_close(self->client, &sink));
    tenure_client_free(self->client);
  }
}

/* The last callback frees its client, so only its sinks tell when all is over. */
static void a_callback_may_submit_close_and_free(void) {
  caller self = {.client = connect_to(server)};
  tenure_client *watcher = NULL;
  OK(tenure_client_chroot(self.client, "/", &watcher));
  tenure_sink sink = to_callback(submit_the_next, &self.counts);
  OK(tenure_submit(self.client, tenure_req_get("/"), &sink, PATIENCE));
  tenure_queue *queue = NULL;
  OK(tenure_queue_new(&queue));
  /* Of the other handle nothing is closed before the callbacks have come to their end. */
  tenure_watch *watch = NULL;
  sink = to_queue(queue, NULL);
  OK(tenure_watch_add(watcher, "/", 0, 0, &sink, &watch));
  tenure_event_free(next_of_kind(queue, TENURE_KIND_END));
  OK(tenure_client_close_wait(watcher, PATIENCE));
  SAME(now(&self.ended), 1);
  SAME(now(&self.counts.events), 101);
  SAME(now(&self.counts.dropped), 101);
  tenure_watch_free(watch);
  tenure_client_free(watcher);
  tenure_queue_free(queue);
}

static void free_own_watch(const tenure_event *event, void *user) {
  caller *self = user;
  count_event(event, user);
  if (tenure_event_kind(event) == TENURE_KIND_NODE) {
    tenure_watch **watch = (tenure_watch **)(void *)&self->queue;
    tenure_watch_free(*watch);
    *watch = NULL;
  }
}

static void a_callback_may_free_its_watch(void) {
  caller self = {.client = connect_to(server)};
  tenure_sink sink = to_callback(free_own_watch, &self.counts);
  /* The slot of the queue holds the watch here. */
  OK(tenure_watch_add(self.client, "/self", 0, 0, &sink, (tenure_watch **)(void *)&self.queue));
  OK(status_of(self.client, create("/self", "", TENURE_EPHEMERAL)));
  OK(status_of(self.client, tenure_req_set("/self", NULL, 0)));
  OK(status_of(self.client, tenure_req_set("/self", NULL, 0)));
  close_client(self.client);
  SAME(now(&self.counts.events), 2);
  SAME(now(&self.counts.dropped), 1);
}

static void freeing_the_last_handle_closes_the_session(void) {
  tenure_client *client = connect_to(server), *other = connect_to(server);
  tenure_queue *queue = NULL;
  OK(tenure_queue_new(&queue));
  tenure_sink sink = to_queue(queue, NULL);
  tenure_watch *watch = NULL;
  OK(tenure_watch_add(other, "/of-the-freed", 0, 0, &sink, &watch));
  tenure_event_free(next_of_kind(queue, TENURE_KIND_REPLY));
  OK(status_of(client, create("/of-the-freed", "", TENURE_EPHEMERAL)));
  tenure_client_free(client);
  tenure_event *event = next_of_kind(queue, TENURE_KIND_NODE);
  SAME(tenure_event_change(event), TENURE_CREATED);
  tenure_event_free(event);
  event = next_of_kind(queue, TENURE_KIND_NODE);
  SAME(tenure_event_change(event), TENURE_DELETED);
  tenure_event_free(event);
  tenure_watch_free(watch);
  close_client(other);
  tenure_queue_free(queue);
}

static void a_detached_session_is_resumed(void) {
  uint8_t *token = NULL;
  size_t len = 0;
  tenure_client *client = connect_to(server);
  int64_t id = session_id_of(client);
  OK(status_of(client, create("/detached", "", TENURE_EPHEMERAL)));
  OK(tenure_client_detach(client, &token, &len));
  CHECK(token != NULL && len > 16);
  SAME(tenure_client_detach(client, &token, &len), TENURE_ECLOSED);
  SAME(status_of(client, tenure_req_get("/")), TENURE_ECLOSED);
  tenure_client_free(client);

  tenure_options *options = options_for(server);
  OK(tenure_options_resume(options, token, len));
  tenure_bytes_free(token, len);
  client = connect_with(options);
  SAME(session_id_of(client), id);
  OK(status_of(client, tenure_req_exists("/detached")));
  close_client(client);
}

static void a_client_without_a_session_cannot_be_detached(void) {
  uint8_t *token = NULL;
  size_t len = 0;
  tenure_server *gone = start_server();
  tenure_options *options = options_for(gone);
  stop_server(gone);
  tenure_client *client = NULL;
  OK(tenure_client_new(options, &client));
  tenure_options_free(options);
  SAME(tenure_client_detach(client, &token, &len), TENURE_ECONNLOSS);
  CHECK(token == NULL && len == 0);
  SAME(tenure_client_close_wait(client, PATIENCE), TENURE_ECONNLOSS);
  tenure_client_free(client);

  options = options_for(server);
  OK(tenure_options_recovery(options, TENURE_RESUME_ONLY));
  client = connect_with(options);
  OK(tenure_server_expire(server, session_id_of(client)));
  SAME(status_of(client, tenure_req_get("/")), TENURE_ELOST);
  CHECK(tenure_client_detach(client, &token, &len) != TENURE_OK);
  CHECK(token == NULL && len == 0);
  tenure_client_free(client);
}

static void the_reply_to_a_close_is_the_last_event(void) {
  tenure_queue *queue = NULL;
  OK(tenure_queue_new(&queue));
  tenure_sink sink = to_queue(queue, NULL);
  tenure_options *options = options_for(server);
  OK(tenure_options_events(options, &sink));
  tenure_client *client = connect_with(options);
  tenure_watch *watch = NULL;
  char request, closing;
  OK(tenure_watch_add(client, "/", 0, 0, &sink, &watch));
  tenure_event_free(next_of_kind(queue, TENURE_KIND_REPLY));
  sink.user = &request;
  OK(tenure_submit(client, create("/last", "", TENURE_EPHEMERAL), &sink, PATIENCE));
  sink.user = &closing;
  OK(tenure_client_close(client, &sink));
  int ended = 0, lost = 0, answered = 0;
  for (;;) {
    tenure_event *event = next_event(queue);
    ended += tenure_event_kind(event) == TENURE_KIND_END;
    lost += tenure_event_state(event) == TENURE_LOST;
    answered += tenure_event_user(event) == &request;
    int is_last = tenure_event_user(event) == &closing;
    if (is_last) {
      SAME(tenure_event_kind(event), TENURE_KIND_REPLY);
      OK(tenure_event_status(event));
    }
    tenure_event_free(event);
    if (is_last) break;
  }
  SAME(ended, 1);
  SAME(lost, 1);
  SAME(answered, 1);
  OK(tenure_client_close_wait(client, PATIENCE));
  CHECK(is_empty(queue));
  tenure_watch_free(watch);
  tenure_client_free(client);
  tenure_queue_free(queue);
}

static void *wait_for_the_close(void *client) {
  return tenure_client_close_wait(client, PATIENCE) == TENURE_OK ? client : NULL;
}

static void several_threads_may_wait_for_a_close(void) {
  pthread_t threads[3];
  tenure_client *client = connect_to(server);
  for (int i = 0; i < 3; i++) {
    NEED(pthread_create(&threads[i], NULL, wait_for_the_close, client) == 0);
  }
  for (int i = 0; i < 3; i++) {
    void *found = NULL;
    pthread_join(threads[i], &found);
    CHECK(found == client);
  }
  tenure_client_free(client);
}

/* ---- threads, servers, forks, signals ---- */

static void two_servers_do_not_know_each_other(void) {
  tenure_server *second = start_server();
  CHECK(tenure_server_port(second) != tenure_server_port(server));
  tenure_client *here = connect_to(server), *there = connect_to(second);
  OK(status_of(here, create("/here", "", TENURE_EPHEMERAL)));
  SAME(status_of(there, tenure_req_exists("/here")), TENURE_NO_NODE);
  close_client(there);
  stop_server(second);
  OK(status_of(here, tenure_req_exists("/here")));
  close_client(here);
  char taken[32];
  snprintf(taken, sizeof taken, "127.0.0.1:%u", (unsigned)tenure_server_port(server));
  tenure_server *none = NULL;
  SAME(tenure_server_start(taken, NULL, &none), TENURE_SYSTEM_ERROR);
  CHECK(strstr(tenure_last_error(), taken) != NULL);
}

#define THREADS 8
#define ROUNDS 50

typedef struct worker {
  pthread_t thread;
  const tenure_client *client;
  int number;
  counted counts;
  int failures;
  int submitted;
} worker;

static void *hammer(void *argument) {
  worker *self = argument;
  tenure_queue *queue = NULL;
  char path[32];
  snprintf(path, sizeof path, "/hammer-%d", self->number);
  self->failures += tenure_queue_new(&queue) != TENURE_OK;
  self->failures += status_of(self->client, create(path, "", 0)) != TENURE_OK;
  for (int round = 0; round < ROUNDS; round++) {
    tenure_sink counting = to_callback(count_event, &self->counts);
    tenure_sink queued = to_queue(queue, &self->counts);
    tenure_watch *watch = NULL;
    tenure_event *event = NULL;
    self->failures += tenure_watch_add(self->client, path, 0, 0, &counting, &watch) != TENURE_OK;
    self->failures +=
        tenure_submit(self->client, tenure_req_set(path, NULL, 0), &queued, PATIENCE) != TENURE_OK;
    self->failures +=
        tenure_submit(self->client, tenure_req_get(path), &counting, PATIENCE) != TENURE_OK;
    tenure_session *session = tenure_client_session(self->client);
    self->failures += tenure_session_id(session) == 0;
    self->failures += tenure_queue_next(queue, PATIENCE, &event) != TENURE_OK;
    self->failures += tenure_event_status(event) != TENURE_OK;
    tenure_event_free(event);
    tenure_session_free(session);
    self->failures += status_of(self->client, tenure_req_get("/absent")) != TENURE_NO_NODE;
    self->failures += strcmp(tenure_last_error(), "/absent: no such znode (-101)") != 0;
    tenure_watch_free(watch);
  }
  self->failures += status_of(self->client, tenure_req_delete(path)) != TENURE_OK;
  tenure_queue_free(queue);
  return NULL;
}

static void eight_threads_share_a_client(void) {
  static worker workers[THREADS];
  tenure_client *client = connect_to(server);
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (worker){.client = client, .number = i};
    NEED(pthread_create(&workers[i].thread, NULL, hammer, &workers[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
  close_client(client);
  for (int i = 0; i < THREADS; i++) {
    SAME(workers[i].failures, 0);
    SAME(now(&workers[i].counts.dropped), 3 * ROUNDS);
  }
}

static int is_told_to_stop;

/* Submits requests of every kind until it is told to stop; every reply counts, whatever it says. */
static void *submit_on(void *argument) {
  worker *self = argument;
  char path[32];
  snprintf(path, sizeof path, "/storm-%d", self->number);
  while (!now(&is_told_to_stop)) {
    tenure_sink sink = to_callback(count_event, &self->counts);
    tenure_request *requests[] = {create(path, "", TENURE_EPHEMERAL), tenure_req_get(path),
                                  tenure_req_delete(path), tenure_req_children("/")};
    for (size_t i = 0; i < 4; i++) {
      self->failures += tenure_submit(self->client, requests[i], &sink, PATIENCE) != TENURE_OK;
      self->submitted++;
    }
    /* Waits for its turn, so that the queue stays short. */
    (void)status_of(self->client, tenure_req_sync("/"));
  }
  return NULL;
}

static void every_request_is_answered_once_in_any_weather(void) {
  static worker workers[THREADS];
  tenure_queue *queue = NULL;
  OK(tenure_queue_new(&queue));
  tenure_options *options = options_for(server);
  tenure_sink sink = to_queue(queue, NULL);
  OK(tenure_options_events(options, &sink));
  tenure_client *client = connect_with(options);
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (worker){.client = client, .number = i};
    NEED(pthread_create(&workers[i].thread, NULL, submit_on, &workers[i]) == 0);
  }
  for (int blow = 0; blow < 6; blow++) {
    tenure_event *event = next_of_kind(queue, TENURE_KIND_SESSION);
    while (tenure_event_state(event) != TENURE_CONNECTED) {
      tenure_event_free(event);
      event = next_of_kind(queue, TENURE_KIND_SESSION);
    }
    int64_t id = tenure_event_session_id(event);
    tenure_event_free(event);
    OK(blow % 3 == 2 ? tenure_server_expire(server, id)
                     : tenure_server_drop_connection(server, id));
  }
  __atomic_store_n(&is_told_to_stop, 1, __ATOMIC_RELEASE);
  for (int i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
  OK(tenure_client_wait_connected(client, PATIENCE));
  close_client(client);
  for (int i = 0; i < THREADS; i++) {
    SAME(workers[i].failures, 0);
    CHECK(workers[i].submitted > 0);
    SAME(now(&workers[i].counts.events), workers[i].submitted);
    SAME(now(&workers[i].counts.dropped), workers[i].submitted);
  }
  tenure_queue_free(queue);
}

/* What a forked child finds: the number of the first claim that failed, or 0. */
static int look_around_in_a_child(tenure_client *client, tenure_options *options,
                                  tenure_queue *queue, tenure_session *session,
                                  tenure_watch *watch, counted *counts) {
  tenure_client *made = NULL;
  tenure_event *event = NULL;
  tenure_sink sink = to_queue(queue, counts);
  tenure_request *request = tenure_req_get("/");
  if (tenure_call(client, tenure_req_get("/"), 1000, NULL) != TENURE_EFORKED) return 1;
  if (tenure_submit(client, tenure_req_get("/"), &sink, 0) != TENURE_EFORKED) return 2;
  if (tenure_client_wait_connected(client, 1000) != TENURE_EFORKED) return 3;
  if (tenure_client_close_wait(client, 1000) != TENURE_EFORKED) return 4;
  if (tenure_client_close(client, NULL) != TENURE_EFORKED) return 5;
  if (tenure_client_state(client) != TENURE_LOST) return 6;
  if (tenure_client_session(client) != NULL) return 7;
  if (tenure_queue_next(queue, 1000, &event) != TENURE_EFORKED) return 8;
  if (tenure_queue_fd(queue) != -1) return 9;
  if (tenure_client_new(options, &made) != TENURE_EFORKED) return 10;
  if (tenure_options_read_only(options, true) != TENURE_EFORKED) return 11;
  if (tenure_session_id(session) != 0) return 12;
  if (tenure_req_pin(request, session) != TENURE_EFORKED) return 13;
  if (tenure_server_expire(server, 1) != TENURE_EFORKED) return 14;
  if (strstr(tenure_last_error(), "before a fork") == NULL) return 15;
  tenure_req_free(request);

  /* A new client works. */
  char hosts[64];
  snprintf(hosts, sizeof hosts, "127.0.0.1:%u", counts->last_status);
  tenure_options *own = tenure_options_new(hosts);
  if (tenure_client_new(own, &made) != TENURE_OK) return 20;
  if (tenure_client_wait_connected(made, PATIENCE) != TENURE_OK) return 21;
  if (status_of(made, tenure_req_exists("/of-the-parent")) != TENURE_OK) return 22;
  if (tenure_client_close_wait(made, PATIENCE) != TENURE_OK) return 23;
  tenure_client_free(made);
  tenure_options_free(own);

  tenure_watch_free(watch);
  tenure_session_free(session);
  tenure_client_free(client);
  tenure_options_free(options);
  tenure_queue_free(queue);
  if (tenure_server_stop(server, 1000) != TENURE_EFORKED) return 30;
  /* What the parent handed in is given back in the parent only; what was refused here, here. */
  return now(&counts->dropped) == 1 ? 0 : 31;
}

static void a_forked_child_is_told(void) {
  counted counts = {0};
  tenure_queue *queue = NULL;
  OK(tenure_queue_new(&queue));
  tenure_options *options = options_for(server);
  tenure_sink sink = to_queue(queue, &counts);
  OK(tenure_options_events(options, &sink));
  tenure_client *client = NULL;
  OK(tenure_client_new(options, &client));
  OK(tenure_client_wait_connected(client, PATIENCE));
  tenure_session *session = tenure_client_session(client);
  tenure_watch *watch = NULL;
  sink = to_queue(queue, NULL);
  OK(tenure_watch_add(client, "/of-the-parent", 0, 0, &sink, &watch));
  OK(status_of(client, create("/of-the-parent", "", TENURE_EPHEMERAL)));
  counts.last_status = tenure_server_port(server);
  fflush(stdout);

  int told[2], found = -1, status;
  NEED(pipe(told) == 0);
  pid_t child = fork();
  if (child == 0) {
    found = look_around_in_a_child(client, options, queue, session, watch, &counts);
    if (write(told[1], &found, sizeof found) != sizeof found) abort();
    /* Any other end would count what the parent's threads hold as leaks of the child. */
    execl("/bin/true", "true", (char *)NULL);
    abort();
  }
  close(told[1]);
  CHECK(read(told[0], &found, sizeof found) == sizeof found);
  close(told[0]);
  NEED(child > 0 && waitpid(child, &status, 0) == child);
  SAME(found, 0);

  /* The parent's session has not noticed. */
  OK(status_of(client, tenure_req_exists("/of-the-parent")));
  SAME(tenure_session_epoch(session), 1);
  tenure_watch_free(watch);
  tenure_session_free(session);
  close_client(client);
  tenure_options_free(options);
  tenure_queue_free(queue);
  SAME(now(&counts.dropped), 1);
}

static uint64_t blocked_in(const char *task) {
  char path[320], line[256];
  uint64_t mask = 0;
  snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
  FILE *status = fopen(path, "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    if (sscanf(line, "SigBlk: %" SCNx64, &mask) == 1) break;
  }
  if (status != NULL) fclose(status);
  return mask;
}

static int is_of_the_library(const char *task) {
  char path[320], name[64] = "";
  snprintf(path, sizeof path, "/proc/self/task/%s/comm", task);
  FILE *comm = fopen(path, "r");
  if (comm == NULL) return 0;
  int is_ours = fgets(name, sizeof name, comm) != NULL && strncmp(name, "tenure-", 7) == 0;
  fclose(comm);
  return is_ours;
}

static void threads_of_the_library_take_no_signals(void) {
  const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM};
  tenure_client *client = connect_to(server);
  DIR *tasks = opendir("/proc/self/task");
  NEED(tasks != NULL);
  int found = 0;
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    if (!is_of_the_library(task->d_name)) continue;
    found++;
    uint64_t mask = blocked_in(task->d_name);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
      CHECK(mask & (UINT64_C(1) << (signals[i] - 1)));
    }
  }
  closedir(tasks);
  CHECK(found >= 3);
  sigset_t own;
  NEED(pthread_sigmask(SIG_SETMASK, NULL, &own) == 0);
  CHECK(!sigismember(&own, SIGTERM));
  close_client(client);
}

int main(void) {
  server = start_server();
  RUN(a_taken_sink_is_dropped_once);
  RUN(a_refused_sink_is_dropped_before_the_call_returns);
  RUN(a_sink_of_another_size_is_read_with_care);
  RUN(a_closed_client_refuses_and_drops);
  RUN(the_sink_of_options_outlives_them);
  RUN(the_sink_of_a_request_goes_with_it);
  RUN(an_event_that_is_held_keeps_its_pointer);
  RUN(a_request_that_waits_is_answered_at_the_close);
  RUN(blocking_in_a_callback_is_refused);
  RUN(a_callback_may_submit_close_and_free);
  RUN(a_callback_may_free_its_watch);
  RUN(freeing_the_last_handle_closes_the_session);
  RUN(a_detached_session_is_resumed);
  RUN(a_client_without_a_session_cannot_be_detached);
  RUN(the_reply_to_a_close_is_the_last_event);
  RUN(several_threads_may_wait_for_a_close);
  RUN(two_servers_do_not_know_each_other);
  RUN(eight_threads_share_a_client);
  RUN(every_request_is_answered_once_in_any_weather);
  RUN(threads_of_the_library_take_no_signals);
  RUN(a_forked_child_is_told);
  stop_server(server);
  return failed_tests != 0;
}
