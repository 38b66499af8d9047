/* Users who prove themselves by SASL, and servers that want it. */

#include "check.h"

static tenure_server *server;

static void use_sasl(tenure_options *options, tenure_sasl mechanism, const char *password) {
  OK(tenure_options_sasl(options, mechanism, "bob", password));
}

/* A server that answers nobody but proven users. */
static void a_proven_user_is_served(void) {
  for (tenure_sasl mechanism = TENURE_SASL_DIGEST_MD5; mechanism <= TENURE_SASL_SCRAM_SHA_256;
       mechanism++) {
    tenure_options *options = options_for(server);
    use_sasl(options, mechanism, "bob's secret");
    tenure_client *bob = connect_with(options);
    OK(status_of(bob, create("/mine", "", TENURE_EPHEMERAL)));
    close_client(bob);
  }
}

static void who_is_nobody_is_refused(void) {
  tenure_client *stranger = NULL;
  tenure_options *options = options_for(server);
  OK(tenure_client_new(options, &stranger));
  tenure_options_free(options);
  CHECK(tenure_call(stranger, tenure_req_get("/"), PATIENCE, NULL) != TENURE_OK);
  tenure_client_free(stranger);
}

static void a_wrong_password_ends_the_client(void) {
  for (tenure_sasl mechanism = TENURE_SASL_DIGEST_MD5; mechanism <= TENURE_SASL_SCRAM_SHA_256;
       mechanism++) {
    tenure_options *options = options_for(server);
    use_sasl(options, mechanism, "guessed");
    tenure_client *client = NULL;
    OK(tenure_client_new(options, &client));
    tenure_options_free(options);
    SAME(tenure_client_wait_connected(client, PATIENCE), TENURE_AUTH_FAILED);
    CHECK(strstr(tenure_last_error(), "guessed") == NULL);
    tenure_client_free(client);
  }
}

static void arguments_are_checked(void) {
  tenure_options *options = options_for(server);
  SAME(tenure_options_sasl(options, 7, "bob", "x"), TENURE_EINVAL);
  SAME(tenure_options_sasl(options, TENURE_SASL_DIGEST_MD5, NULL, "x"), TENURE_EINVAL);
  SAME(tenure_options_sasl(options, TENURE_SASL_DIGEST_MD5, "bob", NULL), TENURE_EINVAL);
  SAME(tenure_options_sasl(NULL, TENURE_SASL_DIGEST_MD5, "bob", "x"), TENURE_EINVAL);
  OK(tenure_options_sasl(options, TENURE_SASL_SCRAM_SHA_256, "bob", ""));
  tenure_client *client = NULL;
  SAME(tenure_client_new(options, &client), TENURE_EINVAL);
  tenure_options_free(options);

  CHECK(tenure_server_options_new(NULL) == NULL);
  CHECK(tenure_server_options_new("nowhere") == NULL);
  tenure_server_options *settings = tenure_server_options_new("127.0.0.1:0");
  NEED(settings != NULL);
  SAME(tenure_server_options_data_dir(settings, NULL), TENURE_EINVAL);
  SAME(tenure_server_options_sasl_user(settings, NULL, "x"), TENURE_EINVAL);
  SAME(tenure_server_options_super_digest(settings, NULL), TENURE_EINVAL);
  SAME(tenure_server_options_require_auth(settings, NULL), TENURE_EINVAL);
  SAME(tenure_server_options_enforce_quota(NULL, true), TENURE_EINVAL);
  OK(tenure_server_options_enforce_quota(settings, true));
  SAME(tenure_server_options_words(settings, NULL), TENURE_EINVAL);
  OK(tenure_server_options_words(settings, "ruok,nope"));
  tenure_server *refused = NULL;
  SAME(tenure_server_start_with(NULL, &refused), TENURE_EINVAL);
  SAME(tenure_server_start_with(settings, NULL), TENURE_EINVAL);
  SAME(tenure_server_start_with(settings, &refused), TENURE_EINVAL);
  OK(tenure_server_options_words(settings, "*"));
  OK(tenure_server_options_require_auth(settings, "nonsense"));
  SAME(tenure_server_start_with(settings, &refused), TENURE_EINVAL);
  CHECK(refused == NULL);
  tenure_server_options_free(settings);
  tenure_server_options_free(NULL);
}

int main(void) {
  tenure_server_options *settings = tenure_server_options_new("127.0.0.1:0");
  NEED(settings != NULL);
  OK(tenure_server_options_sasl_user(settings, "bob", "bob's secret"));
  OK(tenure_server_options_require_auth(settings, "sasl"));
  OK(tenure_server_start_with(settings, &server));
  tenure_server_options_free(settings);
  NEED(server != NULL);
  RUN(a_proven_user_is_served);
  RUN(who_is_nobody_is_refused);
  RUN(a_wrong_password_ends_the_client);
  RUN(arguments_are_checked);
  stop_server(server);
  return failed_tests != 0;
}
