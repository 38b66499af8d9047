/* TLS: whom clients trust, what they prove themselves with, and what they say when it fails. The
 * certificates are made by OpenSSL's program; without it there is nothing to try. */

#include <unistd.h>

#include "check.h"

static char folder[64] = "/tmp/tenure-tls-XXXXXX";

static const char *file(const char *name) {
  static char paths[8][128];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

/* Runs a shell command in the folder. */
static int shell(const char *command) {
  char line[1024];
  snprintf(line, sizeof line, "cd %s && (%s) >/dev/null 2>&1", folder, command);
  return system(line) == 0;
}

static int make_authority(const char *name) {
  char command[512];
  snprintf(command, sizeof command,
           "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
           "-subj /CN=%s -keyout %s.key -out %s.pem",
           name, name, name);
  return shell(command);
}

/* A certificate of the authority `of` for what `names` says, in OpenSSL's words. */
static int issue(const char *name, const char *of, const char *names, const char *usage) {
  char command[1024];
  snprintf(command, sizeof command,
           "printf 'basicConstraints=CA:FALSE\\nextendedKeyUsage=%s\\nsubjectAltName=%s\\n' > %s.ext && "
           "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s "
           "-keyout %s.key -out %s.csr && openssl x509 -req -in %s.csr -CA %s.pem -CAkey %s.key "
           "-CAcreateserial -days 1 -extfile %s.ext -out %s.pem",
           usage, names, name, name, name, name, name, of, of, name, name);
  return shell(command);
}

/* A server with the certificate of this name, and clients of this authority if there is one. */
static tenure_server *start_secure(const char *cert, const char *key, const char *client_ca) {
  tenure_server_options *settings = tenure_server_options_new("127.0.0.1:0");
  NEED(settings != NULL);
  OK(tenure_server_options_tls_pem(settings, file(cert), file(key),
                                   client_ca ? file(client_ca) : NULL));
  tenure_server *server = NULL;
  OK(tenure_server_start_with(settings, &server));
  tenure_server_options_free(settings);
  NEED(server != NULL);
  return server;
}

static tenure_options *trusting(const tenure_server *server, const char *ca) {
  tenure_options *options = options_for(server);
  OK(tenure_options_tls_pem(options, file(ca), NULL, NULL));
  return options;
}

/* What waiting for a connection ends with; the text is in tenure_last_error(). */
static tenure_status refusal(tenure_options *options) {
  tenure_client *client = NULL;
  OK(tenure_client_new(options, &client));
  tenure_options_free(options);
  NEED(client != NULL);
  tenure_status status = tenure_client_wait_connected(client, PATIENCE);
  tenure_client_free(client);
  return status;
}

static void a_trusted_server_is_served(void) {
  tenure_server *server = start_secure("server.pem", "server.key", NULL);
  tenure_client *client = connect_with(trusting(server, "ours.pem"));
  OK(status_of(client, create("/secret", "data", 0)));
  tenure_event *reply = reply_to(client, tenure_req_get("/secret"));
  CHECK(has_data(reply, "data"));
  tenure_event_free(reply);

  /* The session goes on over another connection, under TLS again. */
  int64_t id = session_id_of(client);
  OK(tenure_server_drop_connection(server, id));
  OK(status_of(client, tenure_req_get("/secret")));
  SAME(session_id_of(client), id);
  close_client(client);
  stop_server(server);
}

static void another_authority_is_refused(void) {
  tenure_server *server = start_secure("server.pem", "server.key", NULL);
  SAME(refusal(trusting(server, "theirs.pem")), TENURE_ETLS);
  CHECK(strstr(tenure_last_error(), "not from a trusted authority") != NULL);
  stop_server(server);
}

static void another_name_is_refused_unless_asked_for(void) {
  tenure_server *server = start_secure("elsewhere.pem", "elsewhere.key", NULL);
  SAME(refusal(trusting(server, "ours.pem")), TENURE_ETLS);
  CHECK(strstr(tenure_last_error(), "not for 127.0.0.1") != NULL);
  tenure_options *options = trusting(server, "ours.pem");
  OK(tenure_options_tls_server_name(options, "elsewhere.example"));
  close_client(connect_with(options));
  stop_server(server);
}

static void a_client_proves_itself_where_that_is_required(void) {
  tenure_server *server = start_secure("server.pem", "server.key", "ours.pem");
  tenure_options *options = options_for(server);
  OK(tenure_options_tls_pem(options, file("ours.pem"), file("client.pem"), file("client.key")));
  close_client(connect_with(options));
  CHECK(refusal(trusting(server, "ours.pem")) == TENURE_ETLS);
  stop_server(server);
}

static void a_port_without_tls_is_named(void) {
  tenure_server *server = start_server();
  tenure_client *client = NULL;
  tenure_options *options = trusting(server, "ours.pem");
  OK(tenure_client_new(options, &client));
  tenure_options_free(options);
  int is_named = 0;
  for (int tries = 0; tries < PATIENCE / 100 && !is_named; tries++) {
    SAME(tenure_client_wait_connected(client, 100), TENURE_ETIMEDOUT);
    is_named = strstr(tenure_last_error(), "not its TLS port") != NULL;
  }
  CHECK(is_named);
  tenure_client_free(client);
  stop_server(server);
}

static void what_cannot_be_used_is_refused(void) {
  tenure_options *options = tenure_options_new("127.0.0.1:1");
  tenure_client *client = NULL;
  SAME(tenure_options_tls_server_name(options, "x"), TENURE_EINVAL);
  SAME(tenure_options_tls_pem(options, NULL, NULL, "only.key"), TENURE_EINVAL);
  SAME(tenure_options_tls_pem(NULL, NULL, NULL, NULL), TENURE_EINVAL);
  OK(tenure_options_tls_pem(options, "/nowhere/ca.pem", NULL, NULL));
  SAME(tenure_client_new(options, &client), TENURE_EINVAL);
  CHECK(strstr(tenure_last_error(), "/nowhere/ca.pem") != NULL);
  OK(tenure_options_tls_pem(options, file("ours.pem"), file("client.pem"), file("server.key")));
  SAME(tenure_client_new(options, &client), TENURE_EINVAL);
  OK(tenure_options_tls_pem(options, file("ours.pem"), NULL, NULL));
  OK(tenure_options_tls_server_name(options, "no name"));
  SAME(tenure_client_new(options, &client), TENURE_EINVAL);
  CHECK(client == NULL);
  tenure_options_free(options);

  tenure_server_options *settings = tenure_server_options_new("127.0.0.1:0");
  tenure_server *server = NULL;
  SAME(tenure_server_options_tls_pem(settings, NULL, NULL, NULL), TENURE_EINVAL);
  OK(tenure_server_options_tls_pem(settings, "/nowhere/server.pem", NULL, NULL));
  SAME(tenure_server_start_with(settings, &server), TENURE_EINVAL);
  CHECK(strstr(tenure_last_error(), "/nowhere/server.pem") != NULL);
  CHECK(server == NULL);
  tenure_server_options_free(settings);
}

int main(void) {
  if (system("openssl version >/dev/null 2>&1") != 0) {
    printf("SKIPPED test_tls: openssl is not installed\n");
    return 0;
  }
  NEED(mkdtemp(folder) != NULL);
  NEED(make_authority("ours") && make_authority("theirs"));
  NEED(issue("server", "ours", "IP:127.0.0.1,DNS:localhost", "serverAuth"));
  NEED(issue("elsewhere", "ours", "DNS:elsewhere.example", "serverAuth"));
  NEED(issue("client", "ours", "DNS:client.example", "clientAuth"));
  RUN(a_trusted_server_is_served);
  RUN(another_authority_is_refused);
  RUN(another_name_is_refused_unless_asked_for);
  RUN(a_client_proves_itself_where_that_is_required);
  RUN(a_port_without_tls_is_named);
  RUN(what_cannot_be_used_is_refused);
  shell("rm -f *.pem *.key *.csr *.ext *.srl");
  rmdir(folder);
  return failed_tests != 0;
}
