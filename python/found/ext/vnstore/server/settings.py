"""What the server is told: which database, which store in it, and under which names it may be asked.

`found-vnstore` puts its arguments into environment variables, so that worker processes, and other ASGI servers that are
given `found.ext.vnstore.server:server`, read the same.
"""

from __future__ import annotations

import ast
import os
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

import found

PREFIX = "FOUND_VNSTORE_"
DEFAULT_PREFIX = "found.vnstore:server"
DEFAULT_COLUMNS = "uid,key,value"

# Names of the server's own fields, beside those of the columns.
RESERVED = frozenset({"token", "as_of", "after"})


class Settings(NamedTuple):
    """What the server serves."""

    database: Optional[str]
    """What `found.open` is given; None leaves the choice to it."""
    prefix: tuple[Any, ...]
    columns: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    """Names, beside localhost and addresses, under which the server may be asked."""
    secret: bytes
    """What the tokens in forms are signed with."""
    demo: bool
    """Whether an empty store is filled with airports."""


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in the environment.

    Returns:
        The settings; those that are not there have their defaults.

    Raises:
        ValueError: a setting is wrong; the message names it.
    """

    def of(name: str, default: str = "") -> str:
        return environment.get(PREFIX + name, default)

    return Settings(
        database=of("DATABASE") or None,
        prefix=parse_prefix(of("PREFIX", DEFAULT_PREFIX)),
        columns=parse_columns(of("COLUMNS", DEFAULT_COLUMNS)),
        allowed_hosts=tuple(host.lower() for host in of("ALLOWED_HOSTS").split(",") if host),
        secret=bytes.fromhex(of("SECRET")) if of("SECRET") else secrets.token_bytes(32),
        demo=of("DEMO") == "1",
    )


def parse_prefix(text: str) -> tuple[Any, ...]:
    """The prefix of the store: a Python tuple, or a word, which stands for a tuple of itself.

    Raises:
        ValueError: the text is no tuple that a key can begin with.
    """
    if not text.startswith(("(", "[")):
        if not text:
            raise ValueError("the prefix must not be empty")
        return (text,)
    try:
        prefix = ast.literal_eval(text)
        found.pack(tuple(prefix))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(
            f"the prefix {text!r} is no tuple that a key can begin with: {error}"
        ) from None
    return tuple(prefix)


def parse_columns(text: str) -> tuple[str, ...]:
    """The names of the columns, between commas.

    Raises:
        ValueError: a name is empty, twice there, or one of the server's own fields.
    """
    columns = tuple(name.strip() for name in text.split(","))
    for name in columns:
        if not name:
            raise ValueError(f"the columns {text!r} have one without a name")
        if name in RESERVED:
            raise ValueError(
                f"a column cannot be named {name!r}, which is a field of the server's own"
            )
        if columns.count(name) > 1:
            raise ValueError(f"the columns {text!r} name {name!r} twice")
    return columns
