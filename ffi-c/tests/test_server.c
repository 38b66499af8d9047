/* The embedded server through the library: restarts, and what it keeps across them. */

#include "check.h"

static tenure_server *server;

/* A client that reports its states to a queue. */
static tenure_client *connect_reporting(tenure_queue *states) {
  tenure_sink sink = to_queue(states, NULL);
  tenure_options *options = options_for(server);
  OK(tenure_options_events(options, &sink));
  tenure_client *client = connect_with(options);
  tenure_event_free(next_state(states, TENURE_CONNECTED));
  return client;
}

static void a_restart_keeps_port_data_and_sessions(void) {
  tenure_queue *states = NULL;
  OK(tenure_queue_new(&states));
  tenure_client *client = connect_reporting(states);
  int64_t id = session_id_of(client);
  uint16_t port = tenure_server_port(server);
  OK(status_of(client, create("/kept", "data", 0)));
  OK(status_of(client, create("/mine", "", TENURE_EPHEMERAL)));

  OK(tenure_server_restart(server));
  SAME(tenure_server_port(server), port);
  tenure_event_free(next_state(states, TENURE_SUSPENDED));
  tenure_event_free(next_state(states, TENURE_CONNECTED));
  SAME(session_id_of(client), id);
  tenure_event *kept = reply_to(client, tenure_req_get("/kept"));
  CHECK(has_data(kept, "data"));
  tenure_event_free(kept);
  tenure_event *mine = reply_to(client, tenure_req_exists("/mine"));
  tenure_stat stat;
  CHECK(tenure_event_stat(mine, 0, &stat));
  SAME(stat.ephemeral_owner, id);
  tenure_event_free(mine);

  OK(status_of(client, tenure_req_delete("/kept")));
  close_client(client);
  tenure_queue_free(states);
}

static void a_restarted_server_expires_and_cuts_as_before(void) {
  tenure_queue *states = NULL;
  OK(tenure_queue_new(&states));
  tenure_client *client = connect_reporting(states);
  OK(tenure_server_restart(server));
  tenure_event_free(next_state(states, TENURE_SUSPENDED));
  tenure_event_free(next_state(states, TENURE_CONNECTED));
  int64_t id = session_id_of(client);
  OK(tenure_server_drop_connection(server, id));
  tenure_event_free(next_state(states, TENURE_SUSPENDED));
  tenure_event_free(next_state(states, TENURE_CONNECTED));
  OK(tenure_server_expire(server, id));
  tenure_event_free(next_state(states, TENURE_LOST));
  tenure_client_free(client);
  tenure_queue_free(states);
}

static void restart_in_a_callback(const tenure_event *event, void *user) {
  SAME(tenure_server_restart(server), TENURE_EDEADLK);
  count_event(event, user);
}

static void what_blocks_is_refused_in_a_callback(void) {
  counted counts = {0};
  tenure_client *client = connect_to(server);
  tenure_sink sink = to_callback(restart_in_a_callback, &counts);
  OK(tenure_submit(client, tenure_req_get("/"), &sink, PATIENCE));
  OK(status_of(client, tenure_req_get("/")));
  SAME(now(&counts.events), 1);
  close_client(client);
}

static void null_is_an_error_not_a_crash(void) {
  SAME(tenure_server_restart(NULL), TENURE_EINVAL);
  OK(tenure_server_stop(NULL, PATIENCE));
}

int main(void) {
  server = start_server();
  RUN(a_restart_keeps_port_data_and_sessions);
  RUN(a_restarted_server_expires_and_cuts_as_before);
  RUN(what_blocks_is_refused_in_a_callback);
  RUN(null_is_an_error_not_a_crash);
  stop_server(server);
  return failed_tests != 0;
}
