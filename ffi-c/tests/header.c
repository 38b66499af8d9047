/* The header by itself: it is all a program needs, in C99 and C++17, and what programs were compiled
 * with stays true: numbers, sizes and offsets. A claim that fails does not compile. */

#include <tenure.h>

#include <stdio.h>

#define PIN(name, condition) typedef char pin_##name[(condition) ? 1 : -1]

PIN(status_is_32_bits, sizeof(tenure_status) == 4);
PIN(kind_is_32_bits, sizeof(tenure_kind) == 4);
PIN(state_is_32_bits, sizeof(tenure_state) == 4);
PIN(outcome_is_32_bits, sizeof(tenure_outcome) == 4);
PIN(recovery_is_32_bits, sizeof(tenure_recovery) == 4);

PIN(stat_has_its_size, sizeof(tenure_stat) == 72);
PIN(stat_ephemeral_owner, offsetof(tenure_stat, ephemeral_owner) == 48);
PIN(stat_pzxid, offsetof(tenure_stat, pzxid) == 64);

PIN(sink_begins_with_its_size, offsetof(tenure_sink, struct_size) == 0);
PIN(sink_flags, offsetof(tenure_sink, flags) == 4);
PIN(sink_queue, offsetof(tenure_sink, queue) == 8);
PIN(sink_on_event, offsetof(tenure_sink, on_event) == 8 + sizeof(void *));
PIN(sink_user, offsetof(tenure_sink, user) == 8 + 2 * sizeof(void *));
PIN(sink_drop_user, offsetof(tenure_sink, drop_user) == 8 + 3 * sizeof(void *));
PIN(sink_has_its_size, sizeof(tenure_sink) == 8 + 4 * sizeof(void *));

PIN(codes_of_the_protocol, TENURE_OK == 0 && TENURE_NO_NODE == -101 && TENURE_BAD_VERSION == -103 &&
                               TENURE_NODE_EXISTS == -110 && TENURE_SESSION_EXPIRED == -112);
PIN(codes_of_the_library,
    TENURE_EINVAL == -1000 && TENURE_ETIMEDOUT == -1001 && TENURE_ECONNLOSS == -1002 &&
        TENURE_ECLOSED == -1003 && TENURE_ELOST == -1004 && TENURE_EAGAIN == -1005 &&
        TENURE_EDEADLK == -1006 && TENURE_EFORKED == -1007 && TENURE_ECANCELED == -1008 &&
        TENURE_EDATADIR == -1009 && TENURE_ETLS == -1010 && TENURE_EPANIC == -1099);
PIN(outcomes, TENURE_APPLIED == 0 && TENURE_NOT_APPLIED == 1 && TENURE_UNKNOWN == 2);
PIN(kinds, TENURE_KIND_REPLY == 1 && TENURE_KIND_NODE == 2 && TENURE_KIND_RESYNC == 3 &&
               TENURE_KIND_SESSION == 4 && TENURE_KIND_END == 8);
PIN(states, TENURE_CONNECTING == 0 && TENURE_CONNECTED == 1 && TENURE_READ_ONLY == 2 &&
                TENURE_SUSPENDED == 3 && TENURE_JEOPARDY == 4 && TENURE_LOST == 5);
PIN(changes, TENURE_CREATED == 1 && TENURE_DELETED == 2 && TENURE_DATA == 3 && TENURE_CHILDREN == 4);
PIN(recoveries, TENURE_RESUME_ONLY == 0 && TENURE_RENEW == 1 && TENURE_FRESH == 2);
PIN(sasl, TENURE_SASL_DIGEST_MD5 == 1 && TENURE_SASL_SCRAM_SHA_256 == 2 && sizeof(tenure_sasl) == 4);
PIN(create_flags, TENURE_EPHEMERAL == 1 && TENURE_SEQUENTIAL == 2 && TENURE_CONTAINER == 4 &&
                      TENURE_PARENTS == 8 && TENURE_WATCH_RECURSIVE == 1);

int main(void) {
  printf("ok the_header_keeps_its_promises\n");
  return 0;
}
