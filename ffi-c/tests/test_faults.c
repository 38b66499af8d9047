/* Faults planted in the embedded server, and what a client sees of them. */

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

/* Waits until the client has lost its connection and is back. */
static void expect_a_cut(const tenure_queue *states) {
  tenure_event_free(next_state(states, TENURE_SUSPENDED));
  tenure_event_free(next_state(states, TENURE_CONNECTED));
}

static void a_lost_reply_leaves_nothing_in_doubt(void) {
  tenure_queue *states = NULL;
  OK(tenure_queue_new(&states));
  tenure_client *client = connect_reporting(states);
  OK(tenure_server_lose_reply(server, "create", 1));
  /* Carried out once, and answered once more: a second create would find the first. */
  OK(status_of(client, create("/once", "", 0)));
  expect_a_cut(states);
  OK(status_of(client, tenure_req_delete("/once")));
  close_client(client);
  tenure_queue_free(states);
}

static void a_lost_request_is_sent_again(void) {
  tenure_queue *states = NULL;
  OK(tenure_queue_new(&states));
  tenure_client *client = connect_reporting(states);
  OK(tenure_server_lose_request(server, NULL, 1));
  OK(status_of(client, create("/sent-twice", "", 0)));
  expect_a_cut(states);
  close_client(client);
  tenure_queue_free(states);
}

static void a_write_that_may_not_be_sent_again_stays_unknown(void) {
  tenure_options *options = options_for(server);
  OK(tenure_options_fail_when_disconnected(options, true));
  tenure_client *client = connect_with(options);
  OK(tenure_server_lose_reply(server, "create", 1));
  tenure_event *reply = reply_to(client, create("/unknown", "", 0));
  SAME(tenure_event_status(reply), TENURE_ECONNLOSS);
  SAME(tenure_event_outcome(reply), TENURE_UNKNOWN);
  tenure_event_free(reply);
  OK(tenure_client_wait_connected(client, PATIENCE));
  OK(status_of(client, tenure_req_exists("/unknown")));
  close_client(client);
}

static void requests_fail_with_the_code_that_is_planted(void) {
  tenure_client *client = connect_to(server);
  OK(tenure_server_fail(server, "setData", TENURE_NO_AUTH, 1));
  SAME(status_of(client, tenure_req_set("/", bytes("x"), 1)), TENURE_NO_AUTH);
  OK(status_of(client, tenure_req_set("/", bytes("x"), 1)));
  OK(tenure_server_fail(server, "setData", TENURE_NO_AUTH, 1));
  OK(tenure_server_clear_faults(server));
  OK(status_of(client, tenure_req_set("/", bytes("x"), 1)));
  close_client(client);
}

static void who_is_refused_gets_in_afterwards(void) {
  tenure_client *client = NULL;
  tenure_options *options = options_for(server);
  OK(tenure_server_refuse(server, true));
  OK(tenure_client_new(options, &client));
  tenure_options_free(options);
  SAME(tenure_client_wait_connected(client, 50), TENURE_ETIMEDOUT);
  OK(tenure_server_refuse(server, false));
  OK(tenure_client_wait_connected(client, PATIENCE));
  close_client(client);
}

static void a_silent_or_slow_server_keeps_an_answer_back(void) {
  tenure_client *client = connect_to(server);
  OK(tenure_server_silence(server, session_id_of(client), true));
  SAME(tenure_call(client, tenure_req_get("/"), 50, NULL), TENURE_ETIMEDOUT);
  OK(tenure_server_silence(server, session_id_of(client), false));
  OK(status_of(client, tenure_req_get("/")));
  OK(tenure_server_delay(server, "getData", 3600000));
  SAME(tenure_call(client, tenure_req_get("/"), 50, NULL), TENURE_ETIMEDOUT);
  OK(tenure_server_clear_faults(server));
  OK(status_of(client, tenure_req_get("/")));
  close_client(client);
}

static void a_server_that_only_reads_refuses_writes(void) {
  tenure_options *options = options_for(server);
  OK(tenure_options_read_only(options, true));
  OK(tenure_server_read_only(server, true));
  tenure_client *client = connect_with(options);
  SAME(tenure_client_state(client), TENURE_READ_ONLY);
  OK(status_of(client, tenure_req_get("/")));
  SAME(status_of(client, create("/not", "", 0)), TENURE_NOT_READ_ONLY);
  OK(tenure_server_read_only(server, false));
  (void)tenure_client_close_wait(client, PATIENCE);
  tenure_client_free(client);
}

static void what_does_not_exist_cannot_be_planted(void) {
  SAME(tenure_server_lose_reply(server, "Create", 1), TENURE_EINVAL);
  CHECK(strstr(tenure_last_error(), "\"Create\" is no operation") != NULL);
  SAME(tenure_server_lose_request(server, "", 1), TENURE_EINVAL);
  SAME(tenure_server_delay(server, "none", 1), TENURE_EINVAL);
  SAME(tenure_server_fail(server, NULL, TENURE_OK, 1), TENURE_EINVAL);
  SAME(tenure_server_refuse(NULL, true), TENURE_EINVAL);
  SAME(tenure_server_silence(NULL, 0, true), TENURE_EINVAL);
  SAME(tenure_server_read_only(NULL, true), TENURE_EINVAL);
  SAME(tenure_server_clear_faults(NULL), TENURE_EINVAL);
}

int main(void) {
  server = start_server();
  RUN(a_lost_reply_leaves_nothing_in_doubt);
  RUN(a_lost_request_is_sent_again);
  RUN(a_write_that_may_not_be_sent_again_stays_unknown);
  RUN(requests_fail_with_the_code_that_is_planted);
  RUN(who_is_refused_gets_in_afterwards);
  RUN(a_silent_or_slow_server_keeps_an_answer_back);
  RUN(a_server_that_only_reads_refuses_writes);
  RUN(what_does_not_exist_cannot_be_planted);
  stop_server(server);
  return failed_tests != 0;
}
