/* Requests and replies: every operation, its errors, and arguments that are wrong. */

#include "check.h"

static tenure_server *server;
static tenure_client *client;

static void data_are_created_read_set_and_deleted(void) {
  tenure_event *reply = reply_to(client, create("/crud", "one", 0));
  tenure_stat stat;
  OK(tenure_event_status(reply));
  SAME(tenure_event_kind(reply), TENURE_KIND_REPLY);
  SAME(tenure_event_outcome(reply), TENURE_APPLIED);
  SAME(tenure_event_epoch(reply), 1);
  SAME(tenure_event_session_id(reply), session_id_of(client));
  SAME((int64_t)tenure_event_parts(reply), 1);
  TEXT(tenure_event_path(reply, 0), "/crud");
  TEXT(tenure_event_text(reply), "");
  CHECK(tenure_event_user(reply) == NULL);
  CHECK(tenure_event_stat(reply, 0, &stat) && stat.version == 0 && stat.data_length == 3);
  tenure_event_free(reply);

  reply = reply_to(client, tenure_req_get("/crud"));
  CHECK(has_data(reply, "one"));
  TEXT(tenure_event_path(reply, 0), "/crud");
  tenure_event_free(reply);

  reply = reply_to(client, tenure_req_set("/crud", bytes("second"), 6));
  CHECK(tenure_event_stat(reply, 0, &stat) && stat.version == 1 && stat.mzxid > stat.czxid);
  tenure_event_free(reply);

  reply = reply_to(client, tenure_req_exists("/crud"));
  CHECK(tenure_event_stat(reply, 0, &stat) && stat.data_length == 6 && stat.ephemeral_owner == 0);
  tenure_event_free(reply);

  OK(status_of(client, tenure_req_sync("/crud")));
  OK(status_of(client, tenure_req_delete("/crud")));
  SAME(status_of(client, tenure_req_exists("/crud")), TENURE_NO_NODE);
}

static void null_and_empty_data_are_told_apart(void) {
  size_t len = 7;
  tenure_event *reply;
  OK(status_of(client, tenure_req_create("/null", NULL, 0, 0)));
  reply = reply_to(client, tenure_req_get("/null"));
  CHECK(tenure_event_data(reply, 0, &len) == NULL && len == 0);
  tenure_event_free(reply);

  OK(status_of(client, tenure_req_set("/null", bytes(""), 0)));
  len = 7;
  reply = reply_to(client, tenure_req_get("/null"));
  CHECK(tenure_event_data(reply, 0, &len) != NULL && len == 0);
  CHECK(tenure_event_data(reply, 0, NULL) != NULL);
  tenure_event_free(reply);

  OK(status_of(client, tenure_req_set("/null", NULL, 0)));
  reply = reply_to(client, tenure_req_get("/null"));
  CHECK(tenure_event_data(reply, 0, &len) == NULL);
  tenure_event_free(reply);
  OK(status_of(client, tenure_req_delete("/null")));
}

static void versions_guard_set_and_delete(void) {
  tenure_request *request;
  tenure_event *reply;
  OK(status_of(client, create("/versions", "0", 0)));

  request = tenure_req_set("/versions", bytes("1"), 1);
  OK(tenure_req_version(request, 0));
  OK(status_of(client, request));

  request = tenure_req_set("/versions", bytes("2"), 1);
  OK(tenure_req_version(request, 0));
  reply = reply_to(client, request);
  SAME(tenure_event_status(reply), TENURE_BAD_VERSION);
  SAME(tenure_event_outcome(reply), TENURE_NOT_APPLIED);
  TEXT(tenure_event_text(reply), "/versions: version does not match (-103)");
  TEXT(tenure_last_error(), "/versions: version does not match (-103)");
  tenure_event_free(reply);

  request = tenure_req_delete("/versions");
  OK(tenure_req_version(request, 7));
  SAME(status_of(client, request), TENURE_BAD_VERSION);
  request = tenure_req_delete("/versions");
  OK(tenure_req_version(request, 1));
  OK(status_of(client, request));
}

static void failures_have_status_outcome_and_text(void) {
  tenure_event *reply = reply_to(client, tenure_req_get("/absent"));
  SAME(tenure_event_status(reply), TENURE_NO_NODE);
  SAME(tenure_event_part_status(reply, 0), TENURE_NO_NODE);
  SAME(tenure_event_outcome(reply), TENURE_NOT_APPLIED);
  TEXT(tenure_event_text(reply), "/absent: no such znode (-101)");
  TEXT(tenure_event_path(reply, 0), "/absent");
  CHECK(tenure_event_data(reply, 0, NULL) == NULL);
  CHECK(!tenure_event_stat(reply, 0, &(tenure_stat){0}));
  tenure_event_free(reply);

  OK(status_of(client, create("/full", "", 0)));
  OK(status_of(client, create("/full/child", "", 0)));
  SAME(status_of(client, create("/full", "", 0)), TENURE_NODE_EXISTS);
  SAME(status_of(client, tenure_req_delete("/full")), TENURE_NOT_EMPTY);
  SAME(status_of(client, create("/nowhere/child", "", 0)), TENURE_NO_NODE);
  TEXT(tenure_status_name(TENURE_NO_NODE), "TENURE_NO_NODE");
  TEXT(tenure_status_name(TENURE_EDEADLK), "TENURE_EDEADLK");
  TEXT(tenure_status_name(-98765), "unknown status");
  OK(status_of(client, tenure_req_delete("/full/child")));
  OK(status_of(client, tenure_req_delete("/full")));
}

static void children_are_listed(void) {
  tenure_stat stat;
  OK(status_of(client, create("/parent/a", "", TENURE_PARENTS)));
  OK(status_of(client, create("/parent/\xc3\xa9", "", 0)));
  tenure_event *reply = reply_to(client, tenure_req_children("/parent"));
  SAME((int64_t)tenure_event_child_count(reply, 0), 2);
  const char *first = tenure_event_child(reply, 0, 0), *second = tenure_event_child(reply, 0, 1);
  NEED(first != NULL && second != NULL);
  CHECK((!strcmp(first, "a") && !strcmp(second, "\xc3\xa9")) ||
        (!strcmp(second, "a") && !strcmp(first, "\xc3\xa9")));
  CHECK(tenure_event_child(reply, 0, 2) == NULL);
  CHECK(tenure_event_child(reply, 1, 0) == NULL);
  CHECK(tenure_event_stat(reply, 0, &stat) && stat.num_children == 2 && stat.cversion == 2);
  tenure_event_free(reply);
  OK(status_of(client, tenure_req_delete("/parent/a")));
  OK(status_of(client, tenure_req_delete("/parent/\xc3\xa9")));
  reply = reply_to(client, tenure_req_children("/parent"));
  SAME((int64_t)tenure_event_child_count(reply, 0), 0);
  tenure_event_free(reply);
  OK(status_of(client, tenure_req_delete("/parent")));
}

static void all_kinds_of_znode_are_created(void) {
  tenure_stat stat;
  tenure_event *reply;
  OK(status_of(client, create("/kinds", "", 0)));
  reply = reply_to(client, create("/kinds/s-", "", TENURE_SEQUENTIAL));
  TEXT(tenure_event_path(reply, 0), "/kinds/s-0000000000");
  tenure_event_free(reply);
  reply = reply_to(client, create("/kinds/", "", TENURE_SEQUENTIAL));
  TEXT(tenure_event_path(reply, 0), "/kinds/0000000001");
  tenure_event_free(reply);
  reply = reply_to(client, create("/kinds/e-", "", TENURE_SEQUENTIAL | TENURE_EPHEMERAL));
  TEXT(tenure_event_path(reply, 0), "/kinds/e-0000000002");
  CHECK(tenure_event_stat(reply, 0, &stat));
  SAME(stat.ephemeral_owner, session_id_of(client));
  SAME(status_of(client, create("/kinds/e-0000000002/x", "", 0)), TENURE_NO_CHILDREN_FOR_EPHEMERALS);
  tenure_event_free(reply);
  OK(status_of(client, create("/kinds/c", "", TENURE_CONTAINER)));
  tenure_request *ttl = create("/kinds/t", "", 0);
  OK(tenure_req_ttl(ttl, 60000));
  OK(status_of(client, ttl));

  tenure_client *other = connect_to(server);
  OK(status_of(other, create("/kinds/gone", "", TENURE_EPHEMERAL)));
  OK(status_of(client, tenure_req_exists("/kinds/gone")));
  close_client(other);
  SAME(status_of(client, tenure_req_exists("/kinds/gone")), TENURE_NO_NODE);
}

static void a_multi_is_all_or_nothing(void) {
  tenure_stat stat;
  tenure_request *multi = tenure_req_multi();
  OK(tenure_req_add(multi, create("/m", "0", 0)));
  OK(tenure_req_add(multi, create("/m/s-", "", TENURE_SEQUENTIAL)));
  OK(tenure_req_add(multi, tenure_req_set("/m", bytes("1"), 1)));
  OK(tenure_req_add(multi, tenure_req_check("/m")));
  OK(tenure_req_add(multi, tenure_req_delete("/m/s-0000000000")));
  tenure_event *reply = reply_to(client, multi);
  OK(tenure_event_status(reply));
  SAME((int64_t)tenure_event_parts(reply), 5);
  for (size_t part = 0; part < 5; part++) OK(tenure_event_part_status(reply, part));
  SAME(tenure_event_part_status(reply, 5), TENURE_EINVAL);
  TEXT(tenure_event_path(reply, 1), "/m/s-0000000000");
  CHECK(tenure_event_stat(reply, 2, &stat) && stat.version == 1);
  CHECK(!tenure_event_stat(reply, 4, &stat));
  tenure_event_free(reply);

  multi = tenure_req_multi();
  tenure_request *check = tenure_req_check("/m");
  OK(tenure_req_version(check, 9));
  OK(tenure_req_add(multi, tenure_req_set("/m", bytes("lost"), 4)));
  OK(tenure_req_add(multi, check));
  OK(tenure_req_add(multi, tenure_req_delete("/m")));
  reply = reply_to(client, multi);
  SAME(tenure_event_status(reply), TENURE_BAD_VERSION);
  SAME(tenure_event_outcome(reply), TENURE_NOT_APPLIED);
  SAME((int64_t)tenure_event_parts(reply), 3);
  OK(tenure_event_part_status(reply, 0));
  SAME(tenure_event_part_status(reply, 1), TENURE_BAD_VERSION);
  SAME(tenure_event_part_status(reply, 2), TENURE_RUNTIME_INCONSISTENCY);
  tenure_event_free(reply);
  reply = reply_to(client, tenure_req_get("/m"));
  CHECK(has_data(reply, "1"));
  tenure_event_free(reply);
  OK(status_of(client, tenure_req_delete("/m")));
}

static void a_multi_of_reads_has_a_result_for_each(void) {
  OK(status_of(client, create("/reads", "r", 0)));
  tenure_request *multi = tenure_req_multi();
  OK(tenure_req_add(multi, tenure_req_get("/reads")));
  OK(tenure_req_add(multi, tenure_req_get("/unread")));
  OK(tenure_req_add(multi, tenure_req_children("/reads")));
  tenure_event *reply = reply_to(client, multi);
  OK(tenure_event_status(reply));
  CHECK(has_data(reply, "r"));
  SAME(tenure_event_part_status(reply, 1), TENURE_NO_NODE);
  OK(tenure_event_part_status(reply, 2));
  SAME((int64_t)tenure_event_child_count(reply, 2), 0);
  tenure_event_free(reply);
  OK(status_of(client, tenure_req_delete("/reads")));
}

static void acls_are_set_read_and_obeyed(void) {
  tenure_options *options = options_for(server);
  OK(tenure_options_auth(options, "digest", bytes("bob:secret"), 10));
  tenure_client *bob = connect_with(options);
  tenure_request *request = create("/acl", "hidden", 0);
  OK(tenure_req_acl(request, TENURE_PERM_ALL, "auth", ""));
  OK(status_of(bob, request));

  SAME(status_of(client, tenure_req_get("/acl")), TENURE_NO_AUTH);
  tenure_event *reply = reply_to(bob, tenure_req_get_acl("/acl"));
  SAME((int64_t)tenure_event_acl_count(reply, 0), 1);
  SAME(tenure_event_acl_perms(reply, 0, 0), TENURE_PERM_ALL);
  TEXT(tenure_event_acl_scheme(reply, 0, 0), "digest");
  CHECK(strncmp(tenure_event_acl_id(reply, 0, 0), "bob:", 4) == 0);
  CHECK(tenure_event_acl_id(reply, 0, 1) == NULL);
  tenure_event_free(reply);

  request = tenure_req_set_acl("/acl");
  OK(tenure_req_acl(request, TENURE_PERM_READ, "world", "anyone"));
  OK(tenure_req_acl(request, TENURE_PERM_ALL, "auth", ""));
  OK(tenure_req_version(request, 0));
  OK(status_of(bob, request));
  OK(status_of(client, tenure_req_get("/acl")));
  SAME(status_of(client, tenure_req_set("/acl", NULL, 0)), TENURE_NO_AUTH);
  SAME(status_of(client, tenure_req_set_acl("/acl")), TENURE_EINVAL);
  OK(status_of(bob, tenure_req_delete("/acl")));
  close_client(bob);
}

static void a_chroot_hides_what_is_above(void) {
  tenure_client *inner = NULL;
  OK(tenure_client_chroot(client, "/inner", &inner));
  OK(status_of(client, create("/inner", "top", 0)));
  tenure_event *reply = reply_to(inner, create("/below", "", 0));
  TEXT(tenure_event_path(reply, 0), "/below");
  tenure_event_free(reply);
  reply = reply_to(inner, tenure_req_get("/"));
  CHECK(has_data(reply, "top"));
  tenure_event_free(reply);
  SAME(session_id_of(inner), session_id_of(client));
  tenure_client_free(inner);
  OK(status_of(client, tenure_req_delete("/inner/below")));
  OK(status_of(client, tenure_req_delete("/inner")));
  CHECK(tenure_client_chroot(client, "no-slash", &inner) == TENURE_EINVAL);
}

static void a_session_says_who_and_how_long(void) {
  tenure_session *session = tenure_client_session(client);
  CHECK(tenure_session_id(session) != 0);
  SAME(tenure_session_epoch(session), 1);
  CHECK(tenure_session_timeout_ms(session) >= 6000);
  CHECK(tenure_session_safe_ms(session) > 0);
  CHECK(tenure_session_safe_ms(session) <= (int64_t)tenure_session_timeout_ms(session));
  SAME(tenure_client_state(client), TENURE_CONNECTED);
  tenure_session_free(session);
}

static void wrong_requests_are_refused(void) {
  static const char forbidden[] = "/\xff";
  tenure_request *request;
  SAME(status_of(client, tenure_req_get(NULL)), TENURE_EINVAL);
  TEXT(tenure_last_error(), "path is null");
  SAME(status_of(client, tenure_req_get(forbidden)), TENURE_EINVAL);
  TEXT(tenure_last_error(), "path is not UTF-8");
  SAME(status_of(client, NULL), TENURE_EINVAL);
  TEXT(tenure_last_error(), "request is null");
  SAME(status_of(client, tenure_req_create("/x", NULL, 1, 0)), TENURE_EINVAL);
  TEXT(tenure_last_error(), "data is null but its length is 1");
  SAME(status_of(client, create("/x", "", 64)), TENURE_EINVAL);
  SAME(status_of(client, create("/x", "", TENURE_CONTAINER | TENURE_EPHEMERAL)), TENURE_EINVAL);
  SAME(status_of(client, tenure_req_get("x")), TENURE_EINVAL);
  TEXT(tenure_last_error(), "path 'x': a path starts with '/'");
  SAME(status_of(client, tenure_req_get("/x/")), TENURE_EINVAL);
  SAME(status_of(client, create("/x/", "", 0)), TENURE_EINVAL);
  SAME(status_of(client, tenure_req_check("/")), TENURE_EINVAL);

  request = tenure_req_get("/x");
  SAME(tenure_req_version(request, 1), TENURE_EINVAL);
  SAME(tenure_req_ttl(request, 1), TENURE_EINVAL);
  SAME(tenure_req_acl(request, 1, "world", "anyone"), TENURE_EINVAL);
  SAME(tenure_req_add(request, tenure_req_get("/x")), TENURE_EINVAL);
  tenure_req_free(request);
  request = create("/x", "", TENURE_EPHEMERAL);
  SAME(tenure_req_ttl(request, 1000), TENURE_EINVAL);
  SAME(tenure_req_acl(request, 1, NULL, "anyone"), TENURE_EINVAL);
  tenure_req_free(request);
  request = create("/x", "", 0);
  SAME(tenure_req_ttl(request, 0), TENURE_EINVAL);
  SAME(tenure_req_ttl(request, INT64_MAX), TENURE_EINVAL);
  tenure_req_free(request);

  request = tenure_req_multi();
  SAME(tenure_req_add(request, NULL), TENURE_EINVAL);
  SAME(tenure_req_add(request, tenure_req_multi()), TENURE_EINVAL);
  SAME(tenure_req_add(request, tenure_req_sync("/x")), TENURE_EINVAL);
  SAME(tenure_req_add(request, create("/x", "", TENURE_PARENTS)), TENURE_EINVAL);
  OK(tenure_req_add(request, tenure_req_get("/x")));
  SAME(tenure_req_add(request, tenure_req_delete("/x")), TENURE_EINVAL);
  SAME(tenure_req_add(request, request), TENURE_EINVAL);
  tenure_req_free(request);
  request = tenure_req_multi();
  OK(tenure_req_add(request, tenure_req_delete("/x/")));
  SAME(status_of(client, request), TENURE_EINVAL);
  SAME(tenure_req_add(NULL, tenure_req_get("/x")), TENURE_EINVAL);
}

static void null_handles_are_refused(void) {
  tenure_event *event = NULL;
  tenure_client *made = NULL;
  tenure_server *started = NULL;
  tenure_watch *watch = NULL;
  tenure_sink sink = to_queue(NULL, NULL);
  uint8_t *token;
  size_t len = 9;
  SAME(tenure_call(NULL, tenure_req_get("/"), 0, &event), TENURE_EINVAL);
  TEXT(tenure_last_error(), "client is null");
  CHECK(event == NULL);
  SAME(tenure_submit(NULL, tenure_req_get("/"), &sink, 0), TENURE_EINVAL);
  SAME(tenure_submit(client, tenure_req_get("/"), NULL, 0), TENURE_EINVAL);
  SAME(tenure_client_new(NULL, &made), TENURE_EINVAL);
  SAME(tenure_client_wait_connected(NULL, 0), TENURE_EINVAL);
  SAME(tenure_client_chroot(NULL, "/", &made), TENURE_EINVAL);
  SAME(tenure_client_chroot(client, NULL, &made), TENURE_EINVAL);
  SAME(tenure_client_chroot(client, "/x", NULL), TENURE_EINVAL);
  SAME(tenure_client_close(NULL, NULL), TENURE_EINVAL);
  SAME(tenure_client_close_wait(NULL, 0), TENURE_EINVAL);
  SAME(tenure_client_detach(client, NULL, &len), TENURE_EINVAL);
  SAME(tenure_client_detach(client, &token, NULL), TENURE_EINVAL);
  SAME(tenure_client_state(NULL), TENURE_LOST);
  CHECK(tenure_client_session(NULL) == NULL);
  SAME(tenure_session_id(NULL) + tenure_session_epoch(NULL) + tenure_session_timeout_ms(NULL) +
           tenure_session_safe_ms(NULL),
       0);
  CHECK(tenure_options_new(NULL) == NULL);
  SAME(tenure_options_session_timeout(NULL, 1), TENURE_EINVAL);
  SAME(tenure_options_events(NULL, &sink), TENURE_EINVAL);
  SAME(tenure_queue_new(NULL), TENURE_EINVAL);
  SAME(tenure_queue_next(NULL, 0, &event), TENURE_EINVAL);
  SAME(tenure_queue_fd(NULL), -1);
  SAME(tenure_watch_add(NULL, "/", 0, 0, &sink, &watch), TENURE_EINVAL);
  SAME(tenure_req_watch(NULL, &sink), TENURE_EINVAL);
  SAME(tenure_req_pin(NULL, NULL), TENURE_EINVAL);
  SAME(tenure_server_start(NULL, NULL, &started), TENURE_EINVAL);
  SAME(tenure_server_start("127.0.0.1:0", NULL, NULL), TENURE_EINVAL);
  SAME(tenure_server_start("nonsense", NULL, &started), TENURE_EINVAL);
  SAME(tenure_server_port(NULL), 0);
  SAME(tenure_server_expire(NULL, 1), TENURE_EINVAL);
  SAME(tenure_server_drop_connection(NULL, 1), TENURE_EINVAL);
  SAME(tenure_event_kind(NULL), 0);
  SAME(tenure_event_status(NULL), TENURE_EINVAL);
  TEXT(tenure_event_text(NULL), "");
  TEXT(tenure_event_path(NULL, 0), "");
  CHECK(tenure_event_data(NULL, 0, &len) == NULL && len == 0);
  CHECK(!tenure_event_stat(NULL, 0, &(tenure_stat){0}));
  CHECK(tenure_event_clone(NULL) == NULL && tenure_event_user(NULL) == NULL);
  CHECK(tenure_event_acl_scheme(NULL, 0, 0) == NULL && tenure_event_child(NULL, 0, 0) == NULL);
}

static void null_is_freed_without_harm(void) {
  tenure_client_free(NULL);
  tenure_event_free(NULL);
  tenure_options_free(NULL);
  tenure_queue_free(NULL);
  tenure_req_free(NULL);
  tenure_session_free(NULL);
  tenure_watch_free(NULL);
  tenure_bytes_free(NULL, 0);
  OK(tenure_server_stop(NULL, 0));
}

static void options_are_checked(void) {
  tenure_client *made = NULL;
  tenure_options *options = tenure_options_new("127.0.0.1:99999");
  SAME(tenure_client_new(options, &made), TENURE_EINVAL);
  CHECK(made == NULL && strlen(tenure_last_error()) > 0);
  SAME(tenure_client_new(options, NULL), TENURE_EINVAL);
  SAME(tenure_options_session_timeout(options, 0), TENURE_EINVAL);
  SAME(tenure_options_connect_timeout(options, 0), TENURE_EINVAL);
  SAME(tenure_options_recovery(options, 3), TENURE_EINVAL);
  SAME(tenure_options_recovery(options, -1), TENURE_EINVAL);
  SAME(tenure_options_auth(options, NULL, bytes("x"), 1), TENURE_EINVAL);
  SAME(tenure_options_auth(options, "digest", NULL, 1), TENURE_EINVAL);
  SAME(tenure_options_resume(options, bytes("short"), 5), TENURE_EINVAL);
  OK(tenure_options_session_timeout(options, 7000));
  OK(tenure_options_connect_timeout(options, 1000));
  OK(tenure_options_safety_margin(options, UINT32_MAX));
  OK(tenure_options_safety_margin(options, 100));
  OK(tenure_options_op_timeout(options, 100));
  OK(tenure_options_op_timeout(options, 0));
  OK(tenure_options_fail_when_disconnected(options, true));
  OK(tenure_options_read_only(options, true));
  OK(tenure_options_recovery(options, TENURE_RENEW));
  tenure_options_free(options);
  CHECK(tenure_options_new("\xff") == NULL);
}

static void settings_reach_the_client(void) {
  tenure_options *options = options_for(server);
  OK(tenure_options_session_timeout(options, 7000));
  OK(tenure_options_safety_margin(options, 6900));
  tenure_client *made = connect_with(options);
  tenure_session *session = tenure_client_session(made);
  SAME(tenure_session_timeout_ms(session), 7000);
  CHECK(tenure_session_safe_ms(session) <= 100);
  tenure_session_free(session);
  close_client(made);
}

static void requests_time_out(void) {
  tenure_server *silent = start_server();
  tenure_queue *states = NULL;
  OK(tenure_queue_new(&states));
  tenure_sink sink = to_queue(states, NULL);
  tenure_options *options = options_for(silent);
  OK(tenure_options_op_timeout(options, 50));
  OK(tenure_options_events(options, &sink));
  tenure_client *made = connect_with(options);
  stop_server(silent);
  tenure_event_free(next_state(states, TENURE_SUSPENDED));
  tenure_event *reply = NULL;
  /* A negative timeout is the one of the options. */
  SAME(tenure_call(made, tenure_req_set("/", NULL, 0), -1, &reply), TENURE_ETIMEDOUT);
  SAME(tenure_event_status(reply), TENURE_ETIMEDOUT);
  SAME(tenure_event_outcome(reply), TENURE_NOT_APPLIED);
  tenure_event_free(reply);
  SAME(tenure_call(made, tenure_req_get("/"), 20, &reply), TENURE_ETIMEDOUT);
  tenure_event_free(reply);
  SAME(tenure_client_wait_connected(made, 0), TENURE_ETIMEDOUT);
  SAME(tenure_client_wait_connected(made, 20), TENURE_ETIMEDOUT);
  tenure_client_free(made);
  tenure_queue_free(states);
}

static void a_disconnected_client_may_fail_at_once(void) {
  tenure_server *gone = start_server();
  tenure_options *options = options_for(gone);
  stop_server(gone);
  OK(tenure_options_fail_when_disconnected(options, true));
  tenure_client *made = NULL;
  OK(tenure_client_new(options, &made));
  tenure_options_free(options);
  SAME(tenure_call(made, tenure_req_get("/"), PATIENCE, NULL), TENURE_ECONNLOSS);
  tenure_client_free(made);
}

static void data_can_be_large_but_not_too_large(void) {
  const size_t most = 1000 * 1000, too_much = 2 * 1000 * 1000;
  size_t len = 0;
  uint8_t *large = malloc(too_much);
  NEED(large != NULL);
  for (size_t i = 0; i < too_much; i++) large[i] = (uint8_t)(i % 251);
  OK(status_of(client, tenure_req_create("/large", large, most, 0)));
  tenure_event *reply = reply_to(client, tenure_req_get("/large"));
  const uint8_t *data = tenure_event_data(reply, 0, &len);
  CHECK(len == most && memcmp(data, large, most) == 0);
  tenure_event_free(reply);
  /* The server hangs up on a frame that is too long; the client comes back. */
  CHECK(status_of(client, tenure_req_set("/large", large, too_much)) != TENURE_OK);
  OK(status_of(client, tenure_req_delete("/large")));
  free(large);
}

static void the_library_says_its_version(void) {
  unsigned major, minor, patch;
  CHECK(sscanf(tenure_version(), "%u.%u.%u", &major, &minor, &patch) == 3);
}

int main(void) {
  server = start_server();
  client = connect_to(server);
  RUN(the_library_says_its_version);
  RUN(data_are_created_read_set_and_deleted);
  RUN(null_and_empty_data_are_told_apart);
  RUN(versions_guard_set_and_delete);
  RUN(failures_have_status_outcome_and_text);
  RUN(children_are_listed);
  RUN(all_kinds_of_znode_are_created);
  RUN(a_multi_is_all_or_nothing);
  RUN(a_multi_of_reads_has_a_result_for_each);
  RUN(data_can_be_large_but_not_too_large);
  RUN(acls_are_set_read_and_obeyed);
  RUN(a_chroot_hides_what_is_above);
  RUN(a_session_says_who_and_how_long);
  RUN(wrong_requests_are_refused);
  RUN(null_handles_are_refused);
  RUN(null_is_freed_without_harm);
  RUN(options_are_checked);
  RUN(settings_reach_the_client);
  RUN(requests_time_out);
  RUN(a_disconnected_client_may_fail_at_once);
  close_client(client);
  stop_server(server);
  return failed_tests != 0;
}
