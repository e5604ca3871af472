/* Rules 1, 2, 8, 10, 29, 32 and 33, which only C shows: rules.c CLUSTER_FILE PREFIX. Each line is a rule that held. */

#define FDB_API_VERSION 730
#include <fdb_c.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                                    \
			exit(1);                                                                                                   \
		}                                                                                                              \
	} while (0)

static FDBDatabase *database;
static uint8_t key[64];
static int key_length;

static void *run(void *ignored) {
	(void)ignored;
	CHECK(fdb_run_network() == 0);
	return NULL;
}

static FDBTransaction *begin(void) {
	FDBTransaction *transaction;
	CHECK(fdb_database_create_transaction(database, &transaction) == 0);
	return transaction;
}

static fdb_error_t result_of(FDBFuture *future) {
	CHECK(fdb_future_block_until_ready(future) == 0);
	fdb_error_t error = fdb_future_get_error(future);
	fdb_future_destroy(future);
	return error;
}

static FDBFuture *get(FDBTransaction *transaction) { return fdb_transaction_get(transaction, key, key_length, 0); }

/* The rows of the tests' own keys: one is `prefix` followed by a digit. */
static FDBFuture *range(FDBTransaction *transaction, int limit, FDBStreamingMode mode, int iteration) {
	uint8_t end[sizeof key];
	memcpy(end, key, (size_t)key_length);
	end[key_length - 1]++;
	return fdb_transaction_get_range(
	    transaction, key, key_length, 0, 1, end, key_length, 0, 1, limit, 0, mode, iteration, 0, 0);
}

static void write_rows(int rows, int size) {
	FDBTransaction *transaction = begin();
	uint8_t row[sizeof key];
	uint8_t *value = calloc(1, (size_t)size);
	memcpy(row, key, (size_t)key_length);
	for (int number = 0; number < rows; number++) {
		row[key_length] = (uint8_t)number;
		fdb_transaction_set(transaction, row, key_length + 1, value, size);
	}
	CHECK(result_of(fdb_transaction_commit(transaction)) == 0);
	fdb_transaction_destroy(transaction);
	free(value);
}

static void clear_rows(void) {
	FDBTransaction *transaction = begin();
	uint8_t end[sizeof key];
	memcpy(end, key, (size_t)key_length);
	end[key_length - 1]++;
	fdb_transaction_clear_range(transaction, key, key_length, end, key_length);
	CHECK(result_of(fdb_transaction_commit(transaction)) == 0);
	fdb_transaction_destroy(transaction);
}

static void rule_1(void) {
	FDBTransaction *transaction = begin();
	CHECK(fdb_transaction_set_option(transaction, (FDBTransactionOption)9999, NULL, 0) == 2007);
	/* Of that the transaction knows nothing; a bad value it keeps for later. */
	CHECK(result_of(get(transaction)) == 0);
	CHECK(fdb_transaction_set_option(transaction, FDB_TR_OPTION_SIZE_LIMIT, (const uint8_t *)"x", 1) == 0);
	CHECK(result_of(get(transaction)) == 2006);
	fdb_transaction_destroy(transaction);
}

static void rule_2(void) {
	FDBTransaction *transaction = begin();
	uint8_t before = 0;
	CHECK(fdb_transaction_add_conflict_range(
	          transaction, key, key_length, &before, 1, FDB_CONFLICT_RANGE_TYPE_WRITE) == 2005);
	CHECK(result_of(get(transaction)) == 0);
	fdb_transaction_clear_range(transaction, key, key_length, &before, 1);
	CHECK(result_of(get(transaction)) == 2005);
	fdb_transaction_destroy(transaction);
}

static int rows_of(FDBFuture *future, fdb_bool_t *more) {
	FDBKeyValue const *rows;
	int count;
	CHECK(fdb_future_block_until_ready(future) == 0);
	CHECK(fdb_future_get_keyvalue_array(future, &rows, &count, more) == 0);
	fdb_future_destroy(future);
	return count;
}

static void rule_8(void) {
	FDBTransaction *transaction = begin();
	fdb_bool_t more;
	write_rows(3, 1);
	CHECK(rows_of(range(transaction, 3, FDB_STREAMING_MODE_EXACT, 1), &more) == 3 && more);
	CHECK(rows_of(range(transaction, 4, FDB_STREAMING_MODE_EXACT, 1), &more) == 3 && !more);
	fdb_transaction_destroy(transaction);
	clear_rows();
}

/* The bytes of a batch at most: of a cluster no more than a reply of a storage server (REPLY_BYTE_LIMIT). */
#ifdef FOUND_TEST_CLUSTER
#define MOST 80000
#else
#define MOST 120000
#endif

static void rule_10(void) {
	FDBTransaction *transaction = begin();
	fdb_bool_t more;
	CHECK(result_of(range(transaction, 0, FDB_STREAMING_MODE_EXACT, 1)) == 2210);
	CHECK(result_of(range(transaction, 0, FDB_STREAMING_MODE_ITERATOR, 0)) == 2000);
	CHECK(result_of(range(transaction, 0, FDB_STREAMING_MODE_ITERATOR, -1)) == 2000);
	fdb_transaction_destroy(transaction);
	write_rows(200, 1000);
	/* A storage server counts the key, the value and 24 bytes; the row that reaches the limit is the last. */
	int row = 1000 + key_length + 1 + 24;
	static const struct {
		FDBStreamingMode mode;
		int iteration, bytes;
	} modes[] = {
		{ FDB_STREAMING_MODE_SMALL, 1, 256 },       { FDB_STREAMING_MODE_MEDIUM, 1, 1000 },
		{ FDB_STREAMING_MODE_LARGE, 1, 4096 },      { FDB_STREAMING_MODE_SERIAL, 1, 80000 },
		{ FDB_STREAMING_MODE_ITERATOR, 1, 4096 },   { FDB_STREAMING_MODE_ITERATOR, 2, 6144 },
		{ FDB_STREAMING_MODE_ITERATOR, 3, 9216 },   { FDB_STREAMING_MODE_ITERATOR, 9, 80000 },
		{ FDB_STREAMING_MODE_ITERATOR, 10, MOST },  { FDB_STREAMING_MODE_ITERATOR, 99, MOST },
	};
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		/* Of rows that a transaction has read before, Apple's client gives those alone first. */
		transaction = begin();
		int count = rows_of(range(transaction, 0, modes[i].mode, modes[i].iteration), &more);
		fdb_transaction_destroy(transaction);
		int expected = (modes[i].bytes + row - 1) / row;
		if (count != expected || !more) {
			fprintf(stderr, "mode %d, iteration %d: %d rows\n", modes[i].mode, modes[i].iteration, count);
			exit(1);
		}
	}
	clear_rows();
}

static void rule_29(void) {
	FDBTransaction *transaction = begin();
	fdb_transaction_atomic_op(transaction, key, key_length, key, 1, (FDBMutationType)99);
	CHECK(result_of(fdb_transaction_commit(transaction)) == 2018);
	fdb_transaction_destroy(transaction);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t called_on;
static int calls = 0;
static fdb_error_t blocked = 0;
static FDBFuture *never;

/* Blocks as well, where that is another thread than `from`. */
static void called(FDBFuture *future, void *from) {
	(void)future;
	int blocks = from && !pthread_equal(*(pthread_t *)from, pthread_self());
	fdb_error_t error = blocks ? fdb_future_block_until_ready(never) : 0;
	pthread_mutex_lock(&mutex);
	called_on = pthread_self();
	blocked = error;
	calls++;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&mutex);
}

static void rule_32(void) {
	FDBTransaction *transaction = begin();
	never = fdb_transaction_watch(transaction, key, key_length);
	uint8_t const *value;
	int present, length;
	CHECK(!fdb_future_is_ready(never));
	CHECK(fdb_future_get_error(never) == 2015);
	/* A callback on a ready future runs inline. */
	FDBFuture *ready = get(transaction);
	CHECK(fdb_future_block_until_ready(ready) == 0);
	CHECK(fdb_future_set_callback(ready, called, NULL) == 0);
	pthread_mutex_lock(&mutex);
	CHECK(calls == 1 && pthread_equal(called_on, pthread_self()));
	pthread_mutex_unlock(&mutex);
	/* Read, released, and read again. */
	CHECK(fdb_future_get_value(ready, &present, &value, &length) == 0);
	fdb_future_release_memory(ready);
	CHECK(fdb_future_get_value(ready, &present, &value, &length) == 1102);
	fdb_future_destroy(ready);
	/* On the network thread nobody may wait. The delay of on_error outlasts the call that sets the callback, but for a
	   machine that stands still: then the callback runs inline, and there is no rule to break. */
	pthread_t self = pthread_self();
	do {
		FDBTransaction *retried = begin();
		FDBFuture *delay = fdb_transaction_on_error(retried, 1007);
		int before = calls;
		CHECK(fdb_future_set_callback(delay, called, &self) == 0);
		pthread_mutex_lock(&mutex);
		while (calls == before)
			pthread_cond_wait(&changed, &mutex);
		pthread_mutex_unlock(&mutex);
		fdb_future_destroy(delay);
		fdb_transaction_destroy(retried);
	} while (pthread_equal(called_on, self));
	CHECK(blocked == 2026);
	fdb_future_cancel(never);
	CHECK(result_of(never) == 1101);
	fdb_transaction_destroy(transaction);
	clear_rows();
}

int main(int argc, char **argv) {
	CHECK(argc == 3);
	key_length = (int)strlen(argv[2]);
	CHECK(key_length < (int)sizeof key - 1);
	memcpy(key, argv[2], (size_t)key_length);
	/* Rule 33: the API version, and the network, in their order. Apple's client aborts instead of the first 2200. */
#ifndef FOUND_TEST_CLUSTER
	CHECK(fdb_setup_network() == 2200);
#endif
	CHECK(fdb_select_api_version_impl(100000, 100000) == 2203);
	CHECK(fdb_select_api_version(FDB_API_VERSION) == 0);
	CHECK(fdb_select_api_version(FDB_API_VERSION - 10) == 2201);
	CHECK(fdb_run_network() == 2008);
	CHECK(fdb_setup_network() == 0);
	CHECK(fdb_setup_network() == 2009);
	pthread_t network;
	CHECK(pthread_create(&network, NULL, run, NULL) == 0);
	CHECK(fdb_create_database(argv[1], &database) == 0);
	rule_1();
	puts("1");
	rule_2();
	puts("2");
	rule_8();
	puts("8");
	rule_10();
	puts("10");
	rule_29();
	puts("29");
	rule_32();
	puts("32");
	fdb_database_destroy(database);
	CHECK(fdb_stop_network() == 0);
	CHECK(pthread_join(network, NULL) == 0);
	CHECK(fdb_run_network() == 2025);
	puts("33");
	return 0;
}
