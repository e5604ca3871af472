/* A libfdb_c that is this project's but for what is defined here: it is linked against that one, so that what it lacks is
   found there. Which functions it has is chosen by macros.

   API_VERSION      the newest version it knows; with EXPECTED_VERSION the one that is to be selected, else it aborts
   NO_TENANTS       the functions of tenants abort, as those of 8.0 do
   UNREACHABLE      reads and commits are never answered, as by coordinators that are not there
   FIRST_COMMIT     the first commit happens and is answered with this error, as commit_unknown_result
   REFUSED_OPTION   this network option is refused; every other is told
   NO_NETWORK       the network cannot be set up
   FRAIL            what Apple's client of 7.3.79 does not bear aborts */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The function of this name in the library behind this one. */
#define BEHIND(type, name) ((type)(uintptr_t)dlsym(RTLD_NEXT, name))

#ifdef API_VERSION
int fdb_get_max_api_version(void) { return API_VERSION; }
#endif

#ifdef EXPECTED_VERSION
int fdb_select_api_version_impl(int runtime, int header) {
    if (runtime != EXPECTED_VERSION || header != EXPECTED_VERSION) abort();
    return BEHIND(int (*)(int, int), "fdb_select_api_version_impl")(runtime, header);
}
#endif

#ifdef NO_TENANTS
int fdb_database_open_tenant(void) { abort(); }
int fdb_tenant_create_transaction(void) { abort(); }
void fdb_tenant_destroy(void) { abort(); }
#endif

#ifdef UNREACHABLE
/* What waits for a commit that never comes ends with the transaction: by its timeout, or when it is cancelled. */
static void *never(void *tr) { return BEHIND(void *(*)(void *), "fdb_transaction_get_versionstamp")(tr); }
void *fdb_transaction_get(void *tr) { return never(tr); }
void *fdb_transaction_get_read_version(void *tr) { return never(tr); }
void *fdb_transaction_get_range(void *tr) { return never(tr); }
void *fdb_transaction_commit(void *tr) { return never(tr); }
#endif

#ifdef FIRST_COMMIT
static void *unknown = NULL;
static int commits = 0;

void *fdb_transaction_commit(void *tr) {
    void *future = BEHIND(void *(*)(void *), "fdb_transaction_commit")(tr);
    if (commits++ == 0) unknown = future;
    return future;
}

int fdb_future_get_error(void *future) {
    return future == unknown ? FIRST_COMMIT : BEHIND(int (*)(void *), "fdb_future_get_error")(future);
}

void fdb_future_destroy(void *future) {
    if (future == unknown) unknown = NULL;
    BEHIND(void (*)(void *), "fdb_future_destroy")(future);
}
#endif

#ifdef REFUSED_OPTION
int fdb_network_set_option(int option, const uint8_t *value, int length) {
    if (option == REFUSED_OPTION) return 2007;
    printf("option %d\n", option);
    fflush(stdout);
    return BEHIND(int (*)(int, const uint8_t *, int), "fdb_network_set_option")(option, value, length);
}
#endif

#ifdef NO_NETWORK
int fdb_setup_network(void) { return 1512; }
#endif

#ifdef FRAIL
/* It adds the ten bytes of a stamp to its place in an int32_t. */
static void check_place(const uint8_t *stamped, int length) {
    int32_t place;
    if (length < (int)sizeof place) return;
    memcpy(&place, stamped + length - sizeof place, sizeof place);
    if (place > INT32_MAX - 10) abort();
}

void fdb_transaction_atomic_op(void *tr, const uint8_t *key, int key_length, const uint8_t *param, int length, int type) {
    if (type == 14) check_place(key, key_length);
    if (type == 15) check_place(param, length);
    BEHIND(void (*)(void *, const uint8_t *, int, const uint8_t *, int, int), "fdb_transaction_atomic_op")
    (tr, key, key_length, param, length, type);
}

/* An empty range has no place. */
void *fdb_transaction_get_estimated_range_size_bytes(void) { abort(); }
void *fdb_transaction_get_range_split_points(void) { abort(); }
/* The transactions to come fail with what was wrong with an option. */
int fdb_database_set_option(void) { abort(); }
#endif
