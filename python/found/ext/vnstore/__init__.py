"""A store of tuples whose additions and removals are changes, to be reviewed, applied and gone back to.

`from found.ext import vnstore`. A change is built by `add` and `remove` in one transaction or many, and nobody sees it.
`change_apply` gives it its place in history, after all others; from then on it shows. What was alive at any point of
history can be asked for, and a change be undone, by another.
"""

from found.ext._fsck import Problem, Report
from found.ext.nstore import between, prefix, satisfying, var
from found.ext.vnstore._changes import (
    change_abandon,
    change_annotate,
    change_apply,
    change_changes,
    change_conflicts,
    change_continue,
    change_create,
    change_describe,
    change_get,
    change_list,
    change_message,
    change_size,
    change_uid,
)
from found.ext.vnstore._errors import VNStoreException
from found.ext.vnstore._fsck import fsck
from found.ext.vnstore._handle import VNStore, make
from found.ext.vnstore._history import (
    change_diff,
    change_revert,
    diff,
    head,
    history,
    restore,
    summary,
    tuple_history,
)
from found.ext.vnstore._load import load
from found.ext.vnstore._records import (
    Change,
    Conflict,
    ConflictException,
    Diff,
    Edit,
    Event,
    History,
    Page,
    Size,
    Summary,
)
from found.ext.vnstore._significance import BEGINNING, point_at, point_before, time_of
from found.ext.vnstore._tuples import add, ask, count, page, query, remove, select, where

__all__ = [
    "BEGINNING",
    "Change",
    "Conflict",
    "ConflictException",
    "Diff",
    "Edit",
    "Event",
    "History",
    "Page",
    "Problem",
    "Report",
    "Size",
    "Summary",
    "VNStore",
    "VNStoreException",
    "add",
    "ask",
    "between",
    "change_abandon",
    "change_annotate",
    "change_apply",
    "change_changes",
    "change_conflicts",
    "change_continue",
    "change_create",
    "change_describe",
    "change_diff",
    "change_get",
    "change_list",
    "change_message",
    "change_revert",
    "change_size",
    "change_uid",
    "count",
    "diff",
    "fsck",
    "head",
    "history",
    "load",
    "make",
    "page",
    "point_at",
    "point_before",
    "prefix",
    "query",
    "remove",
    "restore",
    "satisfying",
    "select",
    "summary",
    "time_of",
    "tuple_history",
    "var",
    "where",
]
