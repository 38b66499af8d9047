/* The life of a session, seen by a C program with one event loop.
 *
 *   cc session.c -ltenure && ./a.out [HOSTS]
 *
 * which takes an installed library; the README has the flags for one that was just built.
 *
 * With HOSTS, such as "127.0.0.1:2181", it tells what happens there until half a minute was quiet.
 * Without, it starts a server of its own, expires its own session to show what follows, and ends. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenure.h>

static void need(tenure_status status, const char *what) {
  if (status == TENURE_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, tenure_status_name(status), tenure_last_error());
  exit(1);
}

/* Everything this program hears comes through one queue; `label` says who speaks. */
static tenure_sink sink_for(tenure_queue *queue, const char *label) {
  tenure_sink sink;
  memset(&sink, 0, sizeof sink);
  sink.struct_size = sizeof sink;
  sink.queue = queue;
  sink.user = (void *)label;
  return sink;
}

static const char *state_name(tenure_state state) {
  static const char *const names[] = {"connecting", "connected", "read only",
                                      "suspended",  "jeopardy",  "lost"};
  return state >= 0 && state <= TENURE_LOST ? names[state] : "in a new kind of state";
}

static const char *change_name(int32_t change) {
  static const char *const names[] = {"?", "created", "deleted", "set", "got or lost a child"};
  return change >= 0 && change <= TENURE_CHILDREN ? names[change] : "?";
}

/* Prints what came. Kinds it does not know are skipped: later releases may have more. */
static void tell(const tenure_event *event) {
  const char *label = tenure_event_user(event);
  switch (tenure_event_kind(event)) {
    case TENURE_KIND_SESSION:
      printf("%-8s epoch %u is %s %s\n", label, (unsigned)tenure_event_epoch(event),
             state_name(tenure_event_state(event)), tenure_event_text(event));
      break;
    case TENURE_KIND_NODE:
      printf("%-8s %s was %s\n", label, tenure_event_path(event, 0),
             change_name(tenure_event_change(event)));
      break;
    case TENURE_KIND_RESYNC:
      printf("%-8s events may be missing, read again: %s\n", label, tenure_event_text(event));
      break;
    case TENURE_KIND_REPLY:
      printf("%-8s answered %s\n", label, tenure_status_name(tenure_event_status(event)));
      break;
    case TENURE_KIND_END:
      printf("%-8s is over: %s\n", label, tenure_event_text(event));
      break;
    default:
      break;
  }
}

/* Creates the ephemeral znode by which others see that this program lives. */
static void announce(const tenure_client *client) {
  tenure_event *reply = NULL;
  tenure_request *request = tenure_req_create("/example/worker-", (const uint8_t *)"here", 4,
                                              TENURE_EPHEMERAL | TENURE_SEQUENTIAL | TENURE_PARENTS);
  if (tenure_call(client, request, 5000, &reply) == TENURE_OK) {
    printf("%-8s %s is there as long as the session\n", "program", tenure_event_path(reply, 0));
  } else {
    printf("%-8s not announced: %s; the write is %s\n", "program", tenure_last_error(),
           tenure_event_outcome(reply) == TENURE_UNKNOWN ? "in doubt" : "not applied");
  }
  tenure_event_free(reply);
}

/* What this program does with the end of one session and the beginning of the next. */
static void react(const tenure_event *event, const tenure_client *client, tenure_server *server) {
  if (tenure_event_kind(event) != TENURE_KIND_SESSION) return;
  if (tenure_event_state(event) != TENURE_CONNECTED) return;
  announce(client);
  if (server != NULL && tenure_event_epoch(event) == 1) {
    printf("%-8s now the server declares the session dead\n", "program");
    need(tenure_server_expire(server, tenure_event_session_id(event)), "expire");
  }
}

/* Whether the story is told: the second epoch has its ephemeral, and the watch has seen it. */
static int is_end(const tenure_event *event, int is_own_server) {
  if (tenure_event_kind(event) == TENURE_KIND_END) return 1;
  return is_own_server && tenure_event_kind(event) == TENURE_KIND_NODE &&
         tenure_event_epoch(event) == 2 && tenure_event_change(event) == TENURE_CREATED;
}

int main(int argc, char **argv) {
  char hosts[256];
  tenure_server *server = NULL;
  tenure_queue *queue = NULL;
  tenure_client *client = NULL;
  tenure_watch *watch = NULL;

  if (argc > 1) {
    snprintf(hosts, sizeof hosts, "%s", argv[1]);
  } else {
    need(tenure_server_start("127.0.0.1:0", NULL, &server), "server");
    snprintf(hosts, sizeof hosts, "127.0.0.1:%u", (unsigned)tenure_server_port(server));
  }

  need(tenure_queue_new(&queue), "queue");
  tenure_sink states = sink_for(queue, "session"), changes = sink_for(queue, "watch");
  tenure_options *options = tenure_options_new(hosts);
  need(tenure_options_session_timeout(options, 10000), "timeout");
  need(tenure_options_recovery(options, TENURE_RENEW), "recovery");
  need(tenure_options_events(options, &states), "events");
  need(tenure_client_new(options, &client), "client");
  tenure_options_free(options);
  need(tenure_watch_add(client, "/example", TENURE_WATCH_RECURSIVE, 0, &changes, &watch), "watch");

  /* Any event loop will do; the descriptor is readable while something waits in the queue. */
  struct pollfd readable = {tenure_queue_fd(queue), POLLIN, 0};
  for (int ended = 0; !ended;) {
    tenure_event *event = NULL;
    if (poll(&readable, 1, 30000) != 1) break;
    while (!ended && tenure_queue_next(queue, 0, &event) == TENURE_OK) {
      tell(event);
      react(event, client, server);
      ended = is_end(event, server != NULL);
      tenure_event_free(event);
    }
  }

  tenure_watch_free(watch);
  need(tenure_client_close_wait(client, 5000), "close");
  tenure_client_free(client);
  tenure_queue_free(queue);
  need(tenure_server_stop(server, 5000), "stop");
  return 0;
}
