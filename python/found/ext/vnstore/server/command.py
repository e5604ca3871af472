"""`found-vnstore`: the server from a command line."""

from __future__ import annotations

import argparse
import ipaddress
import os
import secrets
import sys
from collections.abc import Sequence
from typing import Optional

import uvicorn

from found import _opening
from found.ext.vnstore.server import settings

_APPLICATION = "found.ext.vnstore.server:server"


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Serve a vnstore to browsers, until interrupted.

    Args:
        arguments: those of the command line, `sys.argv` by default; `found-vnstore --help` tells them.

    Raises:
        SystemExit: the arguments are wrong, or the server did not start.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings.parse_prefix(options.prefix)
        settings.parse_columns(options.columns)
    except ValueError as error:
        parser.error(str(error))
    if options.workers < 1:
        parser.error("--workers must be at least 1")
    if options.workers > 1 and _is_embedded(options.database):
        parser.error(
            "--workers above 1 needs a FoundationDB cluster: an embedded database belongs to one process, "
            "and each worker is a process"
        )
    environment = {
        "DATABASE": options.database or "",
        "PREFIX": options.prefix,
        "COLUMNS": options.columns,
        "ALLOWED_HOSTS": ",".join([options.host, *options.allowed_host]),
        "SECRET": os.environ.get(f"{settings.PREFIX}SECRET") or secrets.token_hex(32),
        "DEMO": "1" if options.demo else "",
    }
    os.environ.update({settings.PREFIX + name: value for name, value in environment.items()})
    if not _is_loopback(options.host):
        print(
            f"found-vnstore: listening on {options.host}: whoever reaches this machine can read and change the store",
            file=sys.stderr,
        )
    uvicorn.run(
        _APPLICATION,
        host=options.host,
        port=options.port,
        lifespan="on",
        workers=options.workers,
        # The guard logs each request without its query string, which holds what was typed.
        access_log=False,
        log_config=_log_config(),
        timeout_graceful_shutdown=5,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="found-vnstore",
        description="Look at the versioned tuples of a vnstore in a browser: propose changes, review and apply them, "
        "go back in time.",
        epilog="There is no log-in: whoever reaches the server can read and change the store. Put it behind a proxy "
        "that knows its users before others can reach it.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", default=8000, type=int, help="port to listen on, 0 for a free one (%(default)s)"
    )
    parser.add_argument(
        "--database",
        metavar="ADDRESS",
        help="cluster file, memory: or embedded:PATH; by default what found.open() chooses",
    )
    parser.add_argument(
        "--prefix",
        default=os.environ.get(f"{settings.PREFIX}PREFIX", settings.DEFAULT_PREFIX),
        help="where the store is: a Python tuple, or a word (%(default)s)",
    )
    parser.add_argument(
        "--columns",
        default=os.environ.get(f"{settings.PREFIX}COLUMNS", settings.DEFAULT_COLUMNS),
        metavar="NAME,...",
        help="the columns of the store (%(default)s)",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which browsers may ask, beside localhost and addresses; may be given again",
    )
    parser.add_argument(
        "--workers", default=1, type=int, help="processes that serve, on a cluster (%(default)s)"
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="where the store is empty, fill it with airports, to have something to see",
    )
    return parser


def _is_embedded(database: Optional[str]) -> bool:
    return (database or _opening._resolve()).startswith(("memory:", "embedded:"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _log_config() -> dict[str, object]:
    stream = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "line"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"stderr": stream},
        "loggers": {
            "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
            "found": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        },
    }
