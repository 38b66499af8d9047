/* The embedded server through the library: restarts, what it keeps across them, and what it keeps on a
 * disk. */

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* ---- on a disk ---- */

/* A new directory for one test. */
static const char *new_directory(void) {
  static char path[64];
  snprintf(path, sizeof path, "/tmp/tenure-c-XXXXXX");
  NEED(mkdtemp(path) != NULL);
  return path;
}

static void remove_directory(const char *path) {
  DIR *directory = opendir(path);
  NEED(directory != NULL);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    CHECK(unlinkat(dirfd(directory), entry->d_name, 0) == 0);
  }
  closedir(directory);
  CHECK(rmdir(path) == 0);
}

static tenure_server *start_on(const char *directory) {
  tenure_server *durable = NULL;
  OK(tenure_server_start("127.0.0.1:0", directory, &durable));
  NEED(durable != NULL);
  return durable;
}

static void what_a_directory_keeps_the_next_server_serves(void) {
  const char *directory = new_directory();
  tenure_server *first = start_on(directory);
  tenure_client *client = connect_to(first);
  OK(status_of(client, create("/kept", "data", 0)));
  close_client(client);
  OK(tenure_server_failure(first));
  stop_server(first);

  tenure_server *second = start_on(directory);
  client = connect_to(second);
  tenure_event *kept = reply_to(client, tenure_req_get("/kept"));
  CHECK(has_data(kept, "data"));
  tenure_event_free(kept);
  OK(tenure_server_restart(second));
  kept = reply_to(client, tenure_req_get("/kept"));
  CHECK(has_data(kept, "data"));
  tenure_event_free(kept);
  close_client(client);
  stop_server(second);
  remove_directory(directory);
}

static void a_second_server_on_a_directory_is_told_who_has_it(void) {
  const char *directory = new_directory();
  tenure_server *first = start_on(directory), *second = NULL;
  char holder[64];
  snprintf(holder, sizeof holder, "in use by this process (%ld)", (long)getpid());
  SAME(tenure_server_start("127.0.0.1:0", directory, &second), TENURE_EDATADIR);
  CHECK(strstr(tenure_last_error(), holder) != NULL);
  CHECK(strstr(tenure_last_error(), directory) != NULL);
  CHECK(second == NULL);
  stop_server(first);
  second = start_on(directory);
  stop_server(second);
  remove_directory(directory);
}

static void a_snapshot_is_a_file_in_the_directory(void) {
  const char *directory = new_directory();
  tenure_server *durable = start_on(directory);
  tenure_client *client = connect_to(durable);
  OK(status_of(client, create("/a", "", 0)));
  char *path = NULL;
  OK(tenure_server_snapshot(durable, &path));
  NEED(path != NULL);
  CHECK(strncmp(path, directory, strlen(directory)) == 0);
  struct stat found;
  CHECK(stat(path, &found) == 0 && found.st_size > 0);
  tenure_text_free(path);
  OK(tenure_server_snapshot(durable, NULL));
  tenure_text_free(NULL);
  close_client(client);
  stop_server(durable);
  remove_directory(directory);
}

static void a_server_in_memory_takes_no_snapshot(void) {
  char *path = NULL;
  SAME(tenure_server_snapshot(server, &path), TENURE_EINVAL);
  CHECK(path == NULL);
  OK(tenure_server_failure(server));
}

static void a_damaged_directory_is_refused_by_file_and_offset(void) {
  const char *directory = new_directory();
  tenure_server *durable = start_on(directory), *none = NULL;
  tenure_client *client = connect_to(durable);
  OK(status_of(client, create("/a", "", 0)));
  close_client(client);
  stop_server(durable);
  char log[128];
  snprintf(log, sizeof log, "%s/log-0000000000000001", directory);
  FILE *file = fopen(log, "r+b");
  NEED(file != NULL);
  /* Inside the first record: a header of 64 bytes stands before it. */
  CHECK(fseek(file, 64 + 40, SEEK_SET) == 0 && fputc('x', file) == 'x' && fclose(file) == 0);
  SAME(tenure_server_start("127.0.0.1:0", directory, &none), TENURE_EDATADIR);
  CHECK(strstr(tenure_last_error(), log) != NULL);
  CHECK(strstr(tenure_last_error(), "is damaged at byte") != NULL);
  CHECK(none == NULL);
  remove_directory(directory);
}

/* ---- what is refused ---- */

static void restart_in_a_callback(const tenure_event *event, void *user) {
  SAME(tenure_server_restart(server), TENURE_EDEADLK);
  SAME(tenure_server_snapshot(server, NULL), TENURE_EDEADLK);
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
  SAME(tenure_server_snapshot(NULL, NULL), TENURE_EINVAL);
  SAME(tenure_server_failure(NULL), TENURE_EINVAL);
  OK(tenure_server_stop(NULL, PATIENCE));
}

int main(void) {
  server = start_server();
  RUN(a_restart_keeps_port_data_and_sessions);
  RUN(a_restarted_server_expires_and_cuts_as_before);
  RUN(what_a_directory_keeps_the_next_server_serves);
  RUN(a_second_server_on_a_directory_is_told_who_has_it);
  RUN(a_snapshot_is_a_file_in_the_directory);
  RUN(a_server_in_memory_takes_no_snapshot);
  RUN(a_damaged_directory_is_refused_by_file_and_offset);
  RUN(what_blocks_is_refused_in_a_callback);
  RUN(null_is_an_error_not_a_crash);
  stop_server(server);
  return failed_tests != 0;
}
