"""On which event loop and interpreter a contender runs."""

from __future__ import annotations

import asyncio
import importlib
import os
import platform
import sysconfig
from importlib.metadata import version
from typing import Any

LOOP = "FOUND_BENCH_LOOP"
"""The variable that names a module with an event loop of its own."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    module: Any = importlib.import_module(os.environ.get(LOOP) or "asyncio")
    return module.new_event_loop()


def running_on() -> str:
    """The interpreter, and the event loop that is not asyncio's."""
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    python = f"{platform.python_implementation()} {platform.python_version()}{free_threaded}"
    loop = os.environ.get(LOOP)
    return f"{python}, {loop} {version(loop)}" if loop else python
