"""The rules of FoundationDB that an engine or a driver commonly gets wrong, and where they are tested.

Each has tests here that are named after it, `test_07_...`: on the embedded engine, through a loaded `libfdb_c` (`make
test-loaded`) and on a cluster (`FOUND_TEST_CLUSTER_FILE`). `also` names tests elsewhere that go further, or that ask
the linked-in engine what here only a C program can. test_rules.py checks that all of them exist.

The sources are those of FoundationDB 7.3: RYW is fdbclient/ReadYourWrites.actor.cpp, NAPI
fdbclient/NativeAPI.actor.cpp, TST fdbclient/ThreadSafeTransaction.cpp, WM fdbclient/WriteMap.cpp, C
bindings/c/fdb_c.cpp.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    says: str
    source: str
    also: tuple[str, ...] = ()
    # Why it is not shown on a shared cluster, where it is not.
    alone: str = ""


RULES: dict[int, Rule] = {
    1: Rule(
        "Errors of writes and of bad option values come with the next read, commit or read version; an unknown "
        "option is refused at once",
        "TST",
        (
            "tests/test_bad_input.py::test_on_error_forgives_a_write_that_cannot_be",
            "rust/embedded/tests/transactions.rs::a_bad_option_value_is_told_later_and_an_unknown_option_at_once",
        ),
    ),
    2: Rule(
        "A clear with its ends the wrong way round fails later, a conflict range at once; an empty one does nothing",
        "TST, C",
        (
            "rust/embedded/tests/transactions.rs::a_conflict_range_the_wrong_way_round_fails_at_once",
        ),
    ),
    3: Rule(
        "Keys from \\xff on are outside the legal range, but the metadata version may be read",
        "RYW",
        ("rust/embedded/tests/transactions.rs::keys_past_the_end_are_outside_the_legal_range",),
    ),
    4: Rule(
        "Keys have at most 10,000 bytes, or 30,000 in the system's space, and values 100,000; what is longer reads as "
        "absent, and range ends are cut",
        "RYW, ClientKnobs",
        ("tests/test_bad_input.py::test_system_keys_may_be_longer",),
    ),
    5: Rule(
        "Key selectors end at the empty key and at \\xff",
        "RYW",
        ("tests/test_query.py::test_selectors_stop_at_the_ends_of_the_database",),
    ),
    6: Rule(
        "get_key conflicts from its key to its result, or from its result to its key",
        "RYW addConflictRange",
        (
            "tests/test_conflicts.py::test_a_read_conflicts_with_writes_to_what_it_covers_and_nothing_else",
        ),
    ),
    7: Rule(
        "get_range conflicts up to the last key it returned where there is more, else in the whole range",
        "RYW addConflictRange",
        ("tests/property/test_transactions_model.py::Transactions",),
    ),
    8: Rule("There is more whenever the limit was hit, even if nothing is left", "RYW"),
    9: Rule(
        "What a transaction wrote by itself adds no read conflict; an atomic over an unread value does",
        "RYW updateConflictMap",
        (
            "tests/test_conflicts.py::test_a_range_conflicts_outside_of_what_this_transaction_wrote_in_it",
        ),
    ),
    10: Rule(
        "The limits of the streaming modes, and at least one row whatever they are",
        "C",
        ("rust/embedded/tests/transactions.rs::modes_and_limits_of_range_reads_are_foundationdbs",),
    ),
    11: Rule(
        "Read-your-writes is switched off before anything else or not at all, and then nothing can be watched",
        "RYW",
    ),
    12: Rule("Read-your-writes of snapshot reads is a counter", "NAPI"),
    13: Rule(
        "Snapshot reads conflict with nothing, and what is unreadable is so for them too", "RYW"
    ),
    14: Rule(
        "What a versionstamp will be in is unreadable until it is cleared; setting it does not help",
        "WM, RYWIterator",
        ("tests/property/test_transactions_model.py::Transactions",),
    ),
    15: Rule(
        "Where a versionstamp goes is in the last four bytes; its key conflicts where it lands",
        "Atomic.h",
        ("rust/embedded/tests/commits.rs::a_versionstamp_that_does_not_fit_is_refused",),
    ),
    16: Rule("A versionstamp is asked for before the commit, and fails as that does", "NAPI"),
    17: Rule(
        "The committed version is -1 where nothing was written; a write conflict range is a write",
        "NAPI",
    ),
    18: Rule("A commit does not reset: everything after it is refused", "RYW"),
    19: Rule(
        "A write without reads is refused too when its version is too old",
        "NAPI makeSelfConflicting",
    ),
    20: Rule(
        "A version is too old after five million, and of the future when it has not been reached",
        "ServerKnobs",
        (
            "tests/test_versions.py::test_a_transaction_is_too_old_after_five_seconds",
            "rust/embedded/tests/transactions.rs::a_transaction_left_open_loses_its_snapshot_after_five_seconds",
        ),
    ),
    21: Rule("A read version is set once, and is positive", "NAPI"),
    22: Rule(
        "What on_error retries is not what the predicate says",
        "NAPI, C",
        ("tests/test_errors.py::test_on_error_retries_what_foundationdb_retries",),
    ),
    23: Rule(
        "What on_error raises leaves the transaction cancelled; the limit counts earlier tries",
        "RYW onError",
    ),
    24: Rule(
        "on_error keeps the retry limit, the delay and the timeout, and reset none of them",
        "RYW",
        ("rust/embedded/tests/retries.rs::a_timeout_counts_from_the_creation_and_0_is_none",),
    ),
    25: Rule("After a cancel everything fails but a reset", "RYW"),
    26: Rule(
        "The size of a transaction counts writes and conflict ranges, and rises with each operation",
        "NAPI, RYW",
        ("tests/test_sizes.py::test_a_transaction_past_ten_megabytes_is_refused",),
    ),
    27: Rule(
        "Conflicting with nobody is used up by the next write, even by one that does nothing",
        "RYW, WM",
    ),
    28: Rule(
        "The result of arithmetic is as long as its operand, which is also what a missing value gives",
        "Atomic.h",
        (
            "tests/test_atomic.py::test_the_result_over_a_committed_value_is_what_foundationdb_makes_of_it",
        ),
    ),
    29: Rule(
        "The operations on bytes, those that append and clear, and those that are none",
        "Atomic.h, RYW",
        ("rust/embedded/tests/transactions.rs::an_unknown_atomic_operation_is_refused",),
    ),
    30: Rule(
        "Operations of different lengths on one key are applied one by one; a clear before them counts",
        "WM",
    ),
    31: Rule(
        "A watch starts from what its transaction saw, and is armed by its commit",
        "RYW, NAPI",
        (
            "tests/test_watch.py::test_every_kind_of_change_fires",
            "rust/embedded/tests/watches.rs::ten_thousand_watches_are_the_default",
        ),
        alone="ten thousand watches on a shared cluster would be its other users' loss: that limit is shown with two",
    ),
    32: Rule(
        "Futures: cancelled, released, not ready; where callbacks run, and where nobody may wait",
        "ThreadHelper",
        (
            "rust/embedded/tests/futures.rs::a_callback_on_a_ready_future_runs_inline",
            "rust/embedded/tests/futures.rs::a_released_future_is_empty_once_every_read_of_it_is_released",
            "rust/embedded/tests/futures.rs::a_cancelled_future_says_so_and_a_ready_one_stays",
            "rust/embedded/tests/futures.rs::a_future_that_is_not_ready_has_no_answer_yet",
        ),
    ),
    33: Rule(
        "The API version is selected once, before the network, which runs once",
        "C",
        (
            "rust/embedded/tests/lifecycle.rs::an_api_version_is_selected_once_and_only_if_it_is_spoken",
            "rust/embedded/tests/lifecycle.rs::the_network_is_set_up_then_run_then_stopped_and_never_again",
        ),
    ),
    34: Rule("After commit_unknown_result the commit may have happened", "NAPI tryCommit"),
    35: Rule(
        "Split points include both ends",
        "NAPI",
        ("tests/test_sizes.py::test_split_points_cut_a_range_from_its_begin_to_its_end",),
    ),
    36: Rule(
        "Special keys are read within a module, and written where that was asked for",
        "SpecialKeySpace",
        ("rust/embedded/tests/special_keys.rs::a_read_stays_within_one_module",),
    ),
    37: Rule(
        "A client of 8.0 has no tenants and no blob granules, and is not asked to open one",
        "C of 8.0",
        ("tests/test_loading.py::test_tenants_of_a_client_of_8_0_are_never_called",),
        alone="which client there is, is the machine's: a library made for the test stands for that of 8.0",
    ),
    38: Rule(
        "Commits of a batch have one version, which shows all of them, and differ in the last bytes of their stamps",
        "CommitProxyServer",
        ("rust/embedded/tests/engine_model.rs::what_was_once_found_stays_mended",),
    ),
    39: Rule(
        "A clear takes back a versionstamped key that it covers with its lowest stamp, unless a later one has sent it "
        "ahead",
        "RYW writeRangeToNativeTransaction",
    ),
    40: Rule("A read that failed fails the commit with its error", "RYW reading"),
    41: Rule(
        "The metadata version is written as a versionstamped value of zeros and in no other way",
        "RYW",
        alone="on a shared cluster every layer would read its metadata anew: it is not written there",
    ),
    42: Rule(
        "After cluster_version_changed on_error starts over whatever the limits are",
        "MultiVersionTransaction",
        alone="of a client that has only its own version this error does not come, and on_error refuses it",
    ),
}
