/* Events: queues and their descriptor, callbacks, session events, watches, expiry. */

#include <poll.h>
#include <pthread.h>

#include "check.h"

static tenure_server *server;

static int is_readable(const tenure_queue *queue) {
  struct pollfd entry = {tenure_queue_fd(queue), POLLIN, 0};
  return poll(&entry, 1, 0) == 1;
}

static int becomes_readable(const tenure_queue *queue) {
  struct pollfd entry = {tenure_queue_fd(queue), POLLIN, 0};
  return poll(&entry, 1, PATIENCE) == 1;
}

static tenure_queue *new_queue(void) {
  tenure_queue *queue = NULL;
  OK(tenure_queue_new(&queue));
  NEED(queue != NULL);
  return queue;
}

/* A client whose session events go to `queue`. */
static tenure_client *connect_reporting(tenure_queue *queue, tenure_recovery recovery) {
  tenure_sink sink = to_queue(queue, NULL);
  tenure_options *options = options_for(server);
  OK(tenure_options_recovery(options, recovery));
  OK(tenure_options_events(options, &sink));
  return connect_with(options);
}

/* Adds a watch and waits until it is in place. */
static tenure_watch *add_watch(const tenure_client *client, const char *path, uint32_t flags,
                               const tenure_sink *sink) {
  tenure_watch *watch = NULL;
  OK(tenure_watch_add(client, path, flags, 0, sink, &watch));
  NEED(watch != NULL);
  tenure_event *reply = next_of_kind(sink->queue, TENURE_KIND_REPLY);
  OK(tenure_event_status(reply));
  CHECK(tenure_event_user(reply) == sink->user);
  tenure_event_free(reply);
  return watch;
}

static void expect_change(const tenure_queue *queue, const char *path, int32_t change) {
  tenure_event *event = next_of_kind(queue, TENURE_KIND_NODE);
  TEXT(tenure_event_path(event, 0), path);
  SAME(tenure_event_change(event), change);
  tenure_event_free(event);
}

static void the_descriptor_is_readable_while_replies_wait(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server);
  counted first = {0}, second = {0};
  tenure_sink to_first = to_queue(queue, &first), to_second = to_queue(queue, &second);
  CHECK(tenure_queue_fd(queue) >= 0 && !is_readable(queue) && is_empty(queue));
  OK(tenure_submit(client, create("/fd", "x", 0), &to_first, PATIENCE));
  OK(tenure_submit(client, tenure_req_get("/fd"), &to_second, PATIENCE));
  /* Replies come in the order of the requests, so both are there with the second one's drop. */
  CHECK(becomes_readable(queue));
  tenure_event *event = next_event(queue);
  CHECK(tenure_event_user(event) == &first);
  TEXT(tenure_event_path(event, 0), "/fd");
  SAME(now(&first.dropped), 0);
  tenure_event_free(event);
  CHECK(becomes_readable(queue) && is_readable(queue));
  event = next_event(queue);
  CHECK(tenure_event_user(event) == &second && has_data(event, "x"));
  CHECK(!is_readable(queue));
  tenure_event_free(event);
  OK(status_of(client, tenure_req_delete("/fd")));
  close_client(client);
  SAME(now(&first.dropped), 1);
  SAME(now(&second.dropped), 1);
  tenure_queue_free(queue);
}

static void a_thread_can_wait_for_an_event(void) {
  tenure_queue *queue = new_queue();
  tenure_event *event = NULL;
  SAME(tenure_queue_next(queue, 0, &event), TENURE_EAGAIN);
  SAME(tenure_queue_next(queue, 10, &event), TENURE_EAGAIN);
  CHECK(event == NULL);
  tenure_client *client = connect_reporting(queue, TENURE_RENEW);
  event = next_state(queue, TENURE_CONNECTED);
  SAME(tenure_event_epoch(event), 1);
  SAME(tenure_event_session_id(event), session_id_of(client));
  CHECK(strstr(tenure_event_text(event), "127.0.0.1:") != NULL);
  tenure_event_free(event);
  close_client(client);
  event = next_state(queue, TENURE_LOST);
  TEXT(tenure_event_text(event), "closed");
  tenure_event_free(event);
  tenure_queue_free(queue);
}

static pthread_t callback_thread;

static void note_thread(const tenure_event *event, void *user) {
  callback_thread = pthread_self();
  count_event(event, user);
}

static void callbacks_run_on_a_library_thread_in_order(void) {
  tenure_client *client = connect_to(server);
  counted counts = {0};
  tenure_sink sink = to_callback(note_thread, &counts);
  OK(tenure_submit(client, create("/called", "", 0), &sink, PATIENCE));
  /* A reply that is waited for comes after the callback of the request before. */
  OK(status_of(client, tenure_req_delete("/called")));
  SAME(now(&counts.events), 1);
  SAME(now(&counts.dropped), 1);
  SAME(counts.last_kind, TENURE_KIND_REPLY);
  CHECK(!pthread_equal(callback_thread, pthread_self()));
  close_client(client);
}

static void keep_a_copy(const tenure_event *event, void *user) {
  tenure_event **copy = user;
  *copy = tenure_event_clone(event);
}

static void an_event_can_be_kept_beyond_its_callback(void) {
  tenure_client *client = connect_to(server);
  tenure_event *copy = NULL;
  tenure_sink sink = to_callback(keep_a_copy, NULL);
  sink.user = &copy;
  OK(tenure_submit(client, create("/kept", "", 0), &sink, PATIENCE));
  OK(status_of(client, tenure_req_delete("/kept")));
  close_client(client);
  NEED(copy != NULL);
  TEXT(tenure_event_path(copy, 0), "/kept");
  CHECK(tenure_event_user(copy) == &copy);
  tenure_event *again = tenure_event_clone(copy);
  tenure_event_free(copy);
  TEXT(tenure_event_path(again, 0), "/kept");
  tenure_event_free(again);
}

static void a_one_shot_watch_fires_once(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server);
  counted counts = {0};
  tenure_sink sink = to_queue(queue, &counts);
  tenure_request *request = tenure_req_exists("/once");
  OK(tenure_req_watch(request, &sink));
  SAME(status_of(client, request), TENURE_NO_NODE);
  OK(status_of(client, create("/once", "", 0)));
  OK(status_of(client, tenure_req_set("/once", NULL, 0)));
  tenure_event *event = next_event(queue);
  SAME(tenure_event_kind(event), TENURE_KIND_NODE);
  SAME(tenure_event_change(event), TENURE_CREATED);
  SAME(tenure_event_epoch(event), 1);
  TEXT(tenure_event_path(event, 0), "/once");
  CHECK(tenure_event_user(event) == &counts);
  tenure_event_free(event);
  SAME(now(&counts.dropped), 1);
  CHECK(is_empty(queue));

  sink.drop_user = NULL;
  request = tenure_req_children("/once");
  OK(tenure_req_watch(request, &sink));
  OK(status_of(client, request));
  request = tenure_req_get("/once");
  OK(tenure_req_watch(request, &sink));
  OK(status_of(client, request));
  OK(status_of(client, create("/once/child", "", 0)));
  expect_change(queue, "/once", TENURE_CHILDREN);
  OK(status_of(client, tenure_req_set("/once", NULL, 0)));
  expect_change(queue, "/once", TENURE_DATA);
  OK(status_of(client, tenure_req_delete("/once/child")));
  OK(status_of(client, tenure_req_delete("/once")));
  close_client(client);
  CHECK(is_empty(queue));
  tenure_queue_free(queue);
}

static void a_failed_request_leaves_no_watch(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server);
  counted counts = {0};
  tenure_sink sink = to_queue(queue, &counts);
  tenure_request *request = tenure_req_get("/no-watch");
  OK(tenure_req_watch(request, &sink));
  SAME(status_of(client, request), TENURE_NO_NODE);
  close_client(client);
  SAME(now(&counts.dropped), 1);
  CHECK(is_empty(queue));
  tenure_queue_free(queue);
}

static void a_one_shot_watch_ends_with_its_client(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server);
  tenure_sink sink = to_queue(queue, NULL);
  tenure_request *request = tenure_req_exists("/never");
  OK(tenure_req_watch(request, &sink));
  SAME(status_of(client, request), TENURE_NO_NODE);
  close_client(client);
  tenure_event *event = next_event(queue);
  SAME(tenure_event_kind(event), TENURE_KIND_END);
  CHECK(tenure_event_status(event) == TENURE_ECLOSED || tenure_event_status(event) == TENURE_ELOST);
  tenure_event_free(event);
  CHECK(is_empty(queue));
  tenure_queue_free(queue);
}

static void a_watch_hears_changes_until_the_client_closes(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server), *other = connect_to(server);
  counted counts = {0};
  tenure_sink sink = to_queue(queue, &counts);
  tenure_watch *watch = add_watch(client, "/w", 0, &sink);
  OK(status_of(other, create("/w", "", 0)));
  OK(status_of(other, create("/w/a", "", 0)));
  OK(status_of(other, tenure_req_set("/w/a", NULL, 0)));
  OK(status_of(other, tenure_req_set("/w", NULL, 0)));
  OK(status_of(other, tenure_req_delete("/w/a")));
  OK(status_of(other, tenure_req_delete("/w")));
  expect_change(queue, "/w", TENURE_CREATED);
  expect_change(queue, "/w", TENURE_CHILDREN);
  expect_change(queue, "/w", TENURE_DATA);
  expect_change(queue, "/w", TENURE_CHILDREN);
  expect_change(queue, "/w", TENURE_DELETED);
  close_client(client);
  tenure_event *event = next_event(queue);
  SAME(tenure_event_kind(event), TENURE_KIND_END);
  CHECK(tenure_event_status(event) != TENURE_OK);
  SAME(now(&counts.dropped), 0);
  tenure_event_free(event);
  CHECK(is_empty(queue));
  SAME(now(&counts.dropped), 1);
  tenure_watch_free(watch);
  close_client(other);
  tenure_queue_free(queue);
}

static void a_freed_watch_falls_silent(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server);
  counted counts = {0};
  tenure_sink sink = to_queue(queue, &counts);
  tenure_watch *watch = add_watch(client, "/silent", 0, &sink);
  tenure_watch_free(watch);
  OK(status_of(client, create("/silent", "", 0)));
  OK(status_of(client, tenure_req_delete("/silent")));
  close_client(client);
  CHECK(is_empty(queue));
  SAME(now(&counts.dropped), 1);
  tenure_queue_free(queue);
}

static void a_watch_that_cannot_be_placed_ends(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server);
  counted counts = {0};
  tenure_sink sink = to_queue(queue, &counts);
  tenure_watch *watch = NULL;
  SAME(tenure_watch_add(client, "no-slash", 0, 0, &sink, &watch), TENURE_EINVAL);
  SAME(tenure_watch_add(client, "/", 2, 0, &sink, &watch), TENURE_EINVAL);
  SAME(tenure_watch_add(client, NULL, 0, 0, &sink, &watch), TENURE_EINVAL);
  SAME(tenure_watch_add(client, "/", 0, 0, &sink, NULL), TENURE_EINVAL);
  CHECK(watch == NULL && is_empty(queue));
  SAME(now(&counts.dropped), 4);
  close_client(client);
  tenure_queue_free(queue);
}

static void a_recursive_watch_goes_on_after_a_lost_connection(void) {
  tenure_queue *states = new_queue(), *queue = new_queue();
  tenure_client *client = connect_reporting(states, TENURE_RENEW), *other = connect_to(server);
  tenure_sink sink = to_queue(queue, NULL);
  tenure_watch *watch = add_watch(client, "/r", TENURE_WATCH_RECURSIVE, &sink);
  int64_t id = session_id_of(client);
  tenure_event_free(next_state(states, TENURE_CONNECTED));
  OK(status_of(other, create("/r/deep/er", "", TENURE_PARENTS)));
  expect_change(queue, "/r", TENURE_CREATED);
  expect_change(queue, "/r/deep", TENURE_CREATED);
  expect_change(queue, "/r/deep/er", TENURE_CREATED);

  OK(tenure_server_drop_connection(server, id));
  tenure_event_free(next_state(states, TENURE_SUSPENDED));
  tenure_event *event = next_of_kind(queue, TENURE_KIND_RESYNC);
  SAME(tenure_event_change(event), TENURE_RESYNC_RECONNECTED);
  SAME(tenure_event_epoch(event), 1);
  tenure_event_free(event);
  event = next_state(states, TENURE_CONNECTED);
  SAME(tenure_event_session_id(event), id);
  SAME(tenure_event_epoch(event), 1);
  tenure_event_free(event);
  OK(status_of(other, tenure_req_set("/r/deep", NULL, 0)));
  expect_change(queue, "/r/deep", TENURE_DATA);

  OK(status_of(other, tenure_req_delete("/r/deep/er")));
  OK(status_of(other, tenure_req_delete("/r/deep")));
  OK(status_of(other, tenure_req_delete("/r")));
  tenure_watch_free(watch);
  close_client(other);
  close_client(client);
  tenure_queue_free(queue);
  tenure_queue_free(states);
}

static void an_expired_session_is_renewed(void) {
  tenure_queue *states = new_queue(), *queue = new_queue();
  tenure_client *client = connect_reporting(states, TENURE_RENEW);
  tenure_sink sink = to_queue(queue, NULL);
  tenure_watch *watch = add_watch(client, "/lives-on", 0, &sink);
  tenure_session *old = tenure_client_session(client);
  int64_t id = tenure_session_id(old);
  tenure_event_free(next_state(states, TENURE_CONNECTED));
  OK(status_of(client, create("/mine", "", TENURE_EPHEMERAL)));

  OK(tenure_server_expire(server, id));
  SAME(tenure_server_expire(server, id), TENURE_UNKNOWN_SESSION);
  SAME(tenure_server_drop_connection(server, id), TENURE_UNKNOWN_SESSION);
  tenure_event *event = next_state(states, TENURE_LOST);
  SAME(tenure_event_epoch(event), 1);
  SAME(tenure_event_session_id(event), id);
  TEXT(tenure_event_text(event), "expired by the server");
  tenure_event_free(event);
  event = next_state(states, TENURE_CONNECTED);
  SAME(tenure_event_epoch(event), 2);
  CHECK(tenure_event_session_id(event) != id && tenure_event_session_id(event) != 0);
  CHECK(strstr(tenure_event_text(event), "ephemerals lost: /mine") != NULL);
  tenure_event_free(event);

  event = next_of_kind(queue, TENURE_KIND_RESYNC);
  SAME(tenure_event_change(event), TENURE_RESYNC_NEW_SESSION);
  SAME(tenure_event_epoch(event), 2);
  tenure_event_free(event);
  SAME(status_of(client, tenure_req_exists("/mine")), TENURE_NO_NODE);
  OK(status_of(client, create("/lives-on", "", TENURE_EPHEMERAL)));
  expect_change(queue, "/lives-on", TENURE_CREATED);

  /* What belongs to the old epoch stays with it. */
  SAME(tenure_session_safe_ms(old), 0);
  SAME(tenure_session_epoch(old), 1);
  tenure_request *pinned = create("/pinned", "", 0);
  OK(tenure_req_pin(pinned, old));
  event = reply_to(client, pinned);
  SAME(tenure_event_status(event), TENURE_ELOST);
  SAME(tenure_event_outcome(event), TENURE_NOT_APPLIED);
  SAME(tenure_event_epoch(event), 1);
  tenure_event_free(event);
  SAME(status_of(client, tenure_req_exists("/pinned")), TENURE_NO_NODE);
  tenure_session *young = tenure_client_session(client);
  pinned = create("/pinned", "", TENURE_EPHEMERAL);
  OK(tenure_req_pin(pinned, young));
  OK(status_of(client, pinned));
  tenure_session_free(young);
  tenure_session_free(old);
  tenure_watch_free(watch);
  close_client(client);
  tenure_queue_free(queue);
  tenure_queue_free(states);
}

static void a_pin_is_for_one_client(void) {
  tenure_client *one = connect_to(server), *two = connect_to(server);
  tenure_session *session = tenure_client_session(one);
  tenure_request *request = tenure_req_get("/");
  OK(tenure_req_pin(request, session));
  SAME(status_of(two, request), TENURE_EINVAL);
  TEXT(tenure_last_error(), "the request is pinned to a session of another client");
  tenure_session_free(session);
  close_client(one);
  close_client(two);
}

static void an_expired_session_can_be_the_end(void) {
  tenure_queue *states = new_queue(), *queue = new_queue();
  tenure_client *client = connect_reporting(states, TENURE_RESUME_ONLY);
  counted counts = {0};
  tenure_sink sink = to_queue(queue, &counts);
  tenure_watch *watch = add_watch(client, "/ends", 0, &sink);
  OK(tenure_server_expire(server, session_id_of(client)));
  tenure_event *event = next_state(states, TENURE_LOST);
  SAME(tenure_event_epoch(event), 1);
  tenure_event_free(event);
  event = next_event(queue);
  SAME(tenure_event_kind(event), TENURE_KIND_END);
  SAME(tenure_event_status(event), TENURE_ELOST);
  CHECK(strstr(tenure_event_text(event), "expired by the server") != NULL);
  tenure_event_free(event);
  event = reply_to(client, tenure_req_get("/"));
  SAME(tenure_event_status(event), TENURE_ELOST);
  SAME(tenure_event_outcome(event), TENURE_NOT_APPLIED);
  tenure_event_free(event);
  SAME(tenure_client_wait_connected(client, PATIENCE), TENURE_ELOST);
  SAME(tenure_client_state(client), TENURE_LOST);
  tenure_watch_free(watch);
  SAME(tenure_client_close_wait(client, PATIENCE), TENURE_ELOST);
  SAME(now(&counts.dropped), 1);
  tenure_client_free(client);
  tenure_queue_free(queue);
  tenure_queue_free(states);
}

static void every_connection_can_have_a_session_of_its_own(void) {
  tenure_queue *states = new_queue();
  tenure_client *client = connect_reporting(states, TENURE_FRESH);
  int64_t id = session_id_of(client);
  tenure_event_free(next_state(states, TENURE_CONNECTED));
  OK(status_of(client, create("/of-this-connection", "", TENURE_EPHEMERAL)));
  OK(tenure_server_drop_connection(server, id));
  tenure_event *event = next_state(states, TENURE_LOST);
  SAME(tenure_event_epoch(event), 1);
  tenure_event_free(event);
  event = next_state(states, TENURE_CONNECTED);
  SAME(tenure_event_epoch(event), 2);
  tenure_event_free(event);
  /* The old session was ended before the new one started. */
  SAME(tenure_server_expire(server, id), TENURE_UNKNOWN_SESSION);
  SAME(status_of(client, tenure_req_exists("/of-this-connection")), TENURE_NO_NODE);
  close_client(client);
  tenure_queue_free(states);
}

static void a_session_is_safe_for_no_longer_than_its_crash_grace(void) {
  tenure_options *options = options_for(server);
  OK(tenure_options_session_timeout(options, 30000));
  OK(tenure_options_crash_grace(options, 5000));
  OK(tenure_options_forget_when_regressed(options, true));
  tenure_client *client = connect_with(options);
  tenure_session *session = tenure_client_session(client);
  CHECK(tenure_session_safe_ms(session) <= 5000);
  tenure_session_free(session);
  close_client(client);

  options = options_for(server);
  OK(tenure_options_session_timeout(options, 30000));
  OK(tenure_options_crash_grace(options, 0));
  client = connect_with(options);
  session = tenure_client_session(client);
  /* No margin comes off with a server of the same project. */
  CHECK(tenure_session_safe_ms(session) > 22500);
  tenure_session_free(session);
  close_client(client);
}

static void a_full_watch_says_read_again(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server);
  tenure_sink sink = to_queue(queue, NULL);
  tenure_watch *watch = NULL;
  OK(status_of(client, create("/much", "", 0)));
  OK(tenure_watch_add(client, "/much", 0, 4, &sink, &watch));
  for (int i = 0; i < 7; i++) OK(status_of(client, tenure_req_set("/much", NULL, 0)));
  tenure_event *event = next_event(queue);
  SAME(tenure_event_kind(event), TENURE_KIND_REPLY);
  tenure_event_free(event);
  event = next_event(queue);
  SAME(tenure_event_kind(event), TENURE_KIND_RESYNC);
  SAME(tenure_event_change(event), TENURE_RESYNC_OVERFLOW);
  tenure_event_free(event);
  for (int i = 0; i < 2; i++) expect_change(queue, "/much", TENURE_DATA);
  CHECK(is_empty(queue));
  OK(status_of(client, tenure_req_delete("/much")));
  expect_change(queue, "/much", TENURE_DELETED);
  tenure_watch_free(watch);
  close_client(client);
  tenure_queue_free(queue);
}

static void a_freed_queue_swallows_what_still_comes(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server);
  counted counts = {0};
  tenure_sink sink = to_queue(queue, &counts);
  tenure_watch *watch = add_watch(client, "/swallowed", 0, &sink);
  OK(status_of(client, create("/swallowed", "", TENURE_EPHEMERAL)));
  /* One event waits in the queue when it is freed, others come after. */
  CHECK(becomes_readable(queue));
  tenure_queue_free(queue);
  OK(status_of(client, tenure_req_delete("/swallowed")));
  close_client(client);
  tenure_watch_free(watch);
  SAME(now(&counts.dropped), 1);
}

static void events_of_a_chroot_are_seen_from_there(void) {
  tenure_queue *queue = new_queue();
  tenure_client *client = connect_to(server), *inner = NULL;
  tenure_sink sink = to_queue(queue, NULL);
  OK(status_of(client, create("/root", "", 0)));
  OK(tenure_client_chroot(client, "/root", &inner));
  tenure_watch *watch = add_watch(inner, "/", TENURE_WATCH_RECURSIVE, &sink);
  OK(status_of(client, create("/root/leaf", "", 0)));
  expect_change(queue, "/leaf", TENURE_CREATED);
  OK(status_of(client, tenure_req_delete("/root/leaf")));
  OK(status_of(client, tenure_req_delete("/root")));
  tenure_watch_free(watch);
  tenure_client_free(inner);
  close_client(client);
  tenure_queue_free(queue);
}

int main(void) {
  server = start_server();
  RUN(the_descriptor_is_readable_while_replies_wait);
  RUN(a_thread_can_wait_for_an_event);
  RUN(callbacks_run_on_a_library_thread_in_order);
  RUN(an_event_can_be_kept_beyond_its_callback);
  RUN(a_one_shot_watch_fires_once);
  RUN(a_failed_request_leaves_no_watch);
  RUN(a_one_shot_watch_ends_with_its_client);
  RUN(a_watch_hears_changes_until_the_client_closes);
  RUN(a_freed_watch_falls_silent);
  RUN(a_watch_that_cannot_be_placed_ends);
  RUN(a_recursive_watch_goes_on_after_a_lost_connection);
  RUN(an_expired_session_is_renewed);
  RUN(a_pin_is_for_one_client);
  RUN(an_expired_session_can_be_the_end);
  RUN(every_connection_can_have_a_session_of_its_own);
  RUN(a_session_is_safe_for_no_longer_than_its_crash_grace);
  RUN(a_full_watch_says_read_again);
  RUN(a_freed_queue_swallows_what_still_comes);
  RUN(events_of_a_chroot_are_seen_from_there);
  stop_server(server);
  return failed_tests != 0;
}
