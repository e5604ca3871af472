/* A C program over fdb_c.h, linked against the libfdb_c under test: blocking, callbacks, errors, and the end.
   It takes a cluster file and says "done" at the end, or where it failed. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fdb_c.h"

#define BYTES(text) (const uint8_t *)(text), (int)strlen(text)

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int calls = 0, hooks = 0;
static pthread_t network;
static FDBFuture *never;

static void *run(void *ignored) {
    (void)ignored;
    CHECK(fdb_run_network() == 0);
    return NULL;
}

static void hook(void *count) { ++*(int *)count; }

static fdb_error_t wait_for(FDBFuture *future) {
    CHECK(fdb_future_block_until_ready(future) == 0);
    return fdb_future_get_error(future);
}

/* The error of a future that holds nothing else. */
static fdb_error_t result_of(FDBFuture *future) {
    fdb_error_t error = wait_for(future);
    fdb_future_destroy(future);
    return error;
}

static void count(FDBFuture *future, void *expected) {
    CHECK(fdb_future_is_ready(future));
    CHECK(fdb_future_get_error(future) == *(fdb_error_t *)expected);
    if (pthread_equal(pthread_self(), network)) CHECK(fdb_future_block_until_ready(never) == 2026);
    pthread_mutex_lock(&mutex);
    calls++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    fdb_future_destroy(future);
}

static void wait_for_calls(int expected) {
    pthread_mutex_lock(&mutex);
    while (calls < expected) pthread_cond_wait(&changed, &mutex);
    CHECK(calls == expected);
    pthread_mutex_unlock(&mutex);
}

static FDBTransaction *transaction_of(FDBDatabase *db) {
    FDBTransaction *tr = NULL;
    CHECK(fdb_database_create_transaction(db, &tr) == 0);
    return tr;
}

static void before_the_network(const char *cluster_file) {
    FDBDatabase *db = NULL;
    CHECK(fdb_get_max_api_version() >= FDB_API_VERSION);
    CHECK(fdb_setup_network() == 2200);
    CHECK(fdb_select_api_version_impl(FDB_API_VERSION + 1, FDB_API_VERSION) == 2202);
    CHECK(fdb_select_api_version_impl(9999, 9999) == 2203);
    CHECK(fdb_select_api_version(FDB_API_VERSION) == 0);
    CHECK(fdb_select_api_version(FDB_API_VERSION) == 2201);
    CHECK(fdb_run_network() == 2008);
    CHECK(fdb_stop_network() == 2008);
    CHECK(fdb_create_database(cluster_file, &db) == 2008);
    CHECK(fdb_network_set_option(FDB_NET_OPTION_TRACE_ENABLE, BYTES("")) == 0);
    CHECK(fdb_network_set_option((FDBNetworkOption)123456, NULL, 0) == 2007);
    CHECK(fdb_setup_network() == 0);
    CHECK(fdb_setup_network() == 2009);
    CHECK(fdb_add_network_thread_completion_hook(hook, &hooks) == 0);
    CHECK(strcmp(fdb_get_error(1020),
                 "Transaction not committed due to conflict with another transaction") == 0);
    CHECK(strchr(fdb_get_client_version(), ',') != NULL);
    CHECK(fdb_error_predicate(FDB_ERROR_PREDICATE_RETRYABLE, 1020));
    CHECK(!fdb_error_predicate(FDB_ERROR_PREDICATE_RETRYABLE, 2000));
}

static void reads_and_writes(FDBDatabase *db) {
    FDBTransaction *tr = transaction_of(db);
    FDBFuture *future;
    const uint8_t *bytes;
    const FDBKeyValue *rows;
    fdb_bool_t present, more;
    int length, number;
    int64_t version, one = 1;

    for (number = 0; number < 10; number++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", number);
        fdb_transaction_set(tr, BYTES(key), BYTES("value"));
    }
    fdb_transaction_atomic_op(tr, BYTES("sum"), (const uint8_t *)&one, 8, FDB_MUTATION_TYPE_ADD);
    fdb_transaction_clear(tr, BYTES("k3"));
    CHECK(result_of(fdb_transaction_commit(tr)) == 0);
    CHECK(fdb_transaction_get_committed_version(tr, &version) == 0 && version > 0);
    fdb_transaction_reset(tr);

    future = fdb_transaction_get(tr, BYTES("k1"), 0);
    CHECK(wait_for(future) == 0);
    CHECK(fdb_future_get_value(future, &present, &bytes, &length) == 0);
    CHECK(present && length == 5 && memcmp(bytes, "value", 5) == 0);
    /* Of another type, and after its memory was given back. */
    CHECK(fdb_future_get_keyvalue_array(future, &rows, &length, &more) == 2000);
    fdb_future_release_memory(future);
    fdb_future_release_memory(future);
    CHECK(fdb_future_get_value(future, &present, &bytes, &length) == 1102);
    fdb_future_destroy(future);

    future = fdb_transaction_get(tr, BYTES("k3"), 1);
    CHECK(wait_for(future) == 0);
    CHECK(fdb_future_get_value(future, &present, &bytes, &length) == 0 && !present);
    fdb_future_destroy(future);

    future = fdb_transaction_get_range(tr, FDB_KEYSEL_FIRST_GREATER_OR_EQUAL((const uint8_t *)"k", 1),
                                       FDB_KEYSEL_FIRST_GREATER_OR_EQUAL((const uint8_t *)"l", 1), 5, 0,
                                       FDB_STREAMING_MODE_EXACT, 0, 0, 1);
    CHECK(wait_for(future) == 0);
    CHECK(fdb_future_get_keyvalue_array(future, &rows, &length, &more) == 0);
    CHECK(length == 5 && more);
    CHECK(rows[0].key_length == 2 && memcmp(rows[0].key, "k9", 2) == 0);
    CHECK(rows[4].key_length == 2 && memcmp(rows[4].key, "k5", 2) == 0);
    CHECK(rows[4].value_length == 5 && memcmp(rows[4].value, "value", 5) == 0);
    fdb_future_destroy(future);

    future = fdb_transaction_get_key(tr, FDB_KEYSEL_FIRST_GREATER_THAN((const uint8_t *)"k9", 2), 0);
    CHECK(wait_for(future) == 0);
    CHECK(fdb_future_get_key(future, &bytes, &length) == 0);
    CHECK(length == 3 && memcmp(bytes, "sum", 3) == 0);
    fdb_future_destroy(future);

    future = fdb_transaction_get_read_version(tr);
    CHECK(wait_for(future) == 0);
    CHECK(fdb_future_get_int64(future, &version) == 0 && version > 0);
    fdb_future_destroy(future);

    /* Errors of calls without an answer come with the next answer. */
    fdb_transaction_clear_range(tr, BYTES("b"), BYTES("a"));
    CHECK(result_of(fdb_transaction_get(tr, BYTES("k1"), 0)) == 2005);
    CHECK(result_of(fdb_transaction_on_error(tr, 2005)) == 2005);
    CHECK(fdb_transaction_set_option(tr, (FDBTransactionOption)123456, NULL, 0) == 2007);
    fdb_transaction_destroy(tr);
}

static void conflicts(FDBDatabase *db) {
    FDBTransaction *first = transaction_of(db), *second = transaction_of(db);
    CHECK(result_of(fdb_transaction_get(first, BYTES("k1"), 0)) == 0);
    CHECK(result_of(fdb_transaction_get(second, BYTES("k1"), 0)) == 0);
    fdb_transaction_set(first, BYTES("k1"), BYTES("first"));
    fdb_transaction_set(second, BYTES("k1"), BYTES("second"));
    CHECK(result_of(fdb_transaction_commit(first)) == 0);
    CHECK(result_of(fdb_transaction_commit(second)) == 1020);
    CHECK(result_of(fdb_transaction_on_error(second, 1020)) == 0);
    CHECK(result_of(fdb_transaction_get(second, BYTES("k1"), 0)) == 0);
    CHECK(result_of(fdb_transaction_commit(second)) == 0);
    fdb_transaction_destroy(first);
    fdb_transaction_destroy(second);
}

/* Each callback is called once, by the network thread or at once, and may destroy its future. */
static void callbacks(FDBDatabase *db) {
    static fdb_error_t none = 0, cancelled = 1101, gone = 1025, conflict = 2005;
    FDBTransaction *tr = transaction_of(db), *writer = transaction_of(db);
    FDBTransaction *idle = transaction_of(db);
    FDBFuture *watch, *version;

    never = fdb_transaction_get_versionstamp(idle);
    CHECK(fdb_future_set_callback(fdb_transaction_get(tr, BYTES("k1"), 0), count, &none) == 0);
    wait_for_calls(1);
    watch = fdb_transaction_watch(tr, BYTES("watched"));
    CHECK(result_of(fdb_transaction_commit(tr)) == 0);
    CHECK(!fdb_future_is_ready(watch) && fdb_future_get_error(watch) == 2015);
    CHECK(fdb_future_set_callback(watch, count, &none) == 0);
    fdb_transaction_set(writer, BYTES("watched"), BYTES("changed"));
    CHECK(fdb_future_set_callback(fdb_transaction_commit(writer), count, &none) == 0);
    wait_for_calls(3);
    fdb_transaction_reset(tr);

    version = fdb_transaction_get_versionstamp(tr);
    CHECK(fdb_future_set_callback(version, count, &cancelled) == 0);
    fdb_future_cancel(version);
    wait_for_calls(4);
    CHECK(fdb_future_set_callback(fdb_transaction_get_versionstamp(tr), count, &gone) == 0);
    fdb_transaction_cancel(tr);
    wait_for_calls(5);
    fdb_transaction_reset(tr);
    fdb_transaction_clear_range(tr, BYTES("b"), BYTES("a"));
    CHECK(fdb_future_set_callback(fdb_transaction_get(tr, BYTES("k"), 0), count, &conflict) == 0);
    wait_for_calls(6);
    fdb_transaction_destroy(idle);
    CHECK(result_of(never) == 1025);
    fdb_transaction_destroy(tr);
    fdb_transaction_destroy(writer);
}

static void what_it_cannot_do(FDBDatabase *db) {
    FDBTransaction *tr = transaction_of(db), *none = NULL;
    FDBTenant *tenant = NULL;
    FDBDatabase *other = NULL;
    const FDBKeyRange *ranges;
    FDBFuture *future;
    int length;
    CHECK(fdb_create_database("/no/such/fdb.cluster", &other) == 1515);
    CHECK(fdb_create_database_from_connection_string("no connection string", &other) == 2104);
    CHECK(fdb_database_open_tenant(db, BYTES("name"), &tenant) == 0);
    CHECK(fdb_tenant_create_transaction(tenant, &none) == 2136);
    fdb_tenant_destroy(tenant);
    future = fdb_transaction_get_blob_granule_ranges(tr, BYTES("a"), BYTES("b"), 10);
    CHECK(wait_for(future) == 2108);
    CHECK(fdb_future_get_keyrange_array(future, &ranges, &length) == 2108);
    fdb_future_destroy(future);
    CHECK(result_of(fdb_database_reboot_worker(db, BYTES("1.2.3.4:4500"), 0, 0)) == 2108);
    fdb_transaction_destroy(tr);
}

int main(int argc, char **argv) {
    FDBDatabase *db = NULL;
    CHECK(argc == 2);
    before_the_network(argv[1]);
    CHECK(pthread_create(&network, NULL, run, NULL) == 0);
    CHECK(fdb_create_database(argv[1], &db) == 0);
    reads_and_writes(db);
    conflicts(db);
    callbacks(db);
    what_it_cannot_do(db);
    fdb_database_destroy(db);
    CHECK(hooks == 0);
    CHECK(fdb_stop_network() == 0);
    CHECK(pthread_join(network, NULL) == 0);
    CHECK(hooks == 1);
    CHECK(fdb_run_network() == 2025);
    puts("done");
    return 0;
}
