"""The exceptions of `found`."""

from __future__ import annotations

from typing import Final, Optional

from found import _found

ERROR_PREDICATE_RETRYABLE: Final = 50000
ERROR_PREDICATE_MAYBE_COMMITTED: Final = 50001
ERROR_PREDICATE_RETRYABLE_NOT_COMMITTED: Final = 50002

# What helps, where the code alone leaves people guessing.
_HINTS: Final = {
    1007: "a transaction reads for 5 seconds at most: make it smaller, or read in several",
    1025: "it was cancelled, or its retries ended: found.reset makes it usable again",
    1031: "the timeout set by FDB_TR_OPTION_TIMEOUT or FDB_DB_OPTION_TRANSACTION_TIMEOUT has passed",
    2017: "its commit has begun: start another transaction, or found.reset this one",
    2101: "a transaction's writes and conflict ranges are limited to 10 MB: split it",
    2102: "a key is limited to 10,000 bytes",
    2103: "a value is limited to 100,000 bytes",
}


class BaseFoundException(Exception):
    """What every exception of `found` and of its stores derives from."""


class LibraryException(BaseFoundException):
    """No FoundationDB client library could be used; the message says which, why and what to do."""


class FoundException(BaseFoundException):
    """An error of FoundationDB, by its code.

    `found.FoundException(1020)` can be raised by hand, to have a transaction retried.

    Args:
        code: FoundationDB's error code
            (https://apple.github.io/foundationdb/api-error-codes.html).
        detail: what is known beyond the code: a file, an option.
        text: FoundationDB's text for the code, where the library that answered has told it already.
    """

    code: int
    """FoundationDB's error code."""
    text: str
    """FoundationDB's text for the code."""
    detail: Optional[str]
    """What is known beyond the code, or None."""

    def __init__(self, code: int, detail: Optional[str] = None, text: Optional[str] = None) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.text = _found._error_text(code) if text is None else text

    @property
    def retryable(self) -> bool:
        """Whether trying the transaction again may help (fdb_error_predicate, RETRYABLE)."""
        return _found.error_predicate(ERROR_PREDICATE_RETRYABLE, self.code)

    @property
    def maybe_committed(self) -> bool:
        """Whether the commit may have happened all the same (MAYBE_COMMITTED)."""
        return _found.error_predicate(ERROR_PREDICATE_MAYBE_COMMITTED, self.code)

    def __str__(self) -> str:
        said = [f"{self.code}: {self.text}", self.detail or "", _HINTS.get(self.code, "")]
        return "; ".join(part for part in said if part)

    def __repr__(self) -> str:
        return f"FoundException({self.code}, {self.text!r})"

    def __reduce__(self) -> tuple[type[FoundException], tuple[int, Optional[str], str]]:
        return type(self), (self.code, self.detail, self.text)
