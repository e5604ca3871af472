"""The pages of changes: history, a change as what it adds and removes, and what can be done to it."""

from __future__ import annotations

import asyncio
from typing import Any, Optional
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import found
from found.ext import vnstore
from found.ext.vnstore.server.site import (
    PAGE,
    Invalid,
    answer,
    change_id,
    continuation_of,
    done,
    form_of,
    iso,
    items_of,
    query_of,
    site_of,
    token_of,
)
from found.ext.vnstore.server.values import tostring

_EDITS = 200
_LONGEST_MESSAGE = 20_000
_LONGEST_AUTHOR = 200


def change_data(change: vnstore.Change) -> dict[str, Any]:
    """A change as pages and programs have it."""
    author = change.metadata.get("author")
    return {
        "id": change.uid.hex,
        "state": change.state,
        "message": change.message,
        "author": author if isinstance(author, str) else None,
        "created": iso(change.created),
        "applied": iso(change.applied),
    }


def texts(items: Any) -> list[str]:
    """A tuple as pages and programs have it."""
    return [tostring(item) for item in items]


async def described(tx: found.Transaction, store: vnstore.VNStore, uid: UUID) -> vnstore.Change:
    """A change.

    Raises:
        HTTPException: there is none; the status is 404.
    """
    change = await vnstore.change_describe(tx, store, uid)
    if change is None:
        raise HTTPException(404, "There is no such change.")
    return change


async def history(request: Request) -> Response:
    """The changes of the store, newest first."""
    site = site_of(request)
    query = query_of(request)
    state = query.get("state") or None
    if state not in (None, "open", "applied"):
        raise HTTPException(400, "A state is open or applied.")

    async def read(tx: found.Transaction) -> dict[str, Any]:
        page = await vnstore.history(
            tx,
            site.store,
            state=state,
            limit=PAGE,
            continuation=continuation_of(query.get("after")),
        )
        sizes = await asyncio.gather(
            *(vnstore.change_size(tx, site.store, change.uid) for change in page.changes)
        )
        changes = [
            {**change_data(change), **size._asdict()} for change, size in zip(page.changes, sizes)
        ]
        return {"changes": changes, "next": token_of(page.continuation)}

    return answer(request, "history.html", await site.read(read), state=state)


async def new_change(request: Request) -> Response:
    """A form for a new change."""
    return answer(
        request, "change_new.html", {"fields": ["description", "author"]}, typed={}, problems={}
    )


async def create_change(request: Request) -> Response:
    """Make a change."""
    site = site_of(request)
    typed = await form_of(request)
    try:
        message, author = _described(typed)
    except Invalid as wrong:
        return answer(
            request,
            "change_new.html",
            {"error": str(wrong), "problems": wrong.problems},
            400,
            typed=typed,
        )

    # Made here, so that a commit of unknown outcome, tried again, makes no second change.
    uid = vnstore.change_uid()
    metadata = _metadata(author)
    await site.write(
        lambda tx: vnstore.change_create(
            tx, site.store, message=message, metadata=metadata, uid=uid
        )
    )
    return done(request, f"/history/u/{uid.hex}/", {"id": uid.hex}, 201)


async def change(request: Request) -> Response:
    """A change: what it adds, removes and replaces, and what stands against it."""
    site = site_of(request)
    uid = change_id(request)
    after = continuation_of(query_of(request).get("after"))

    return answer(
        request, "change.html", await site.read(lambda tx: _detail(tx, site.store, uid, after))
    )


async def _detail(
    tx: found.Transaction, store: vnstore.VNStore, uid: UUID, after: Optional[bytes] = None
) -> dict[str, Any]:
    change = await described(tx, store, uid)
    size, diff, conflicts = await asyncio.gather(
        vnstore.change_size(tx, store, uid),
        vnstore.change_diff(tx, store, uid, limit=_EDITS, continuation=after),
        _conflicts(tx, store, change),
    )
    return {
        "change": change_data(change),
        **size._asdict(),
        "edits": [edit_data(edit) for edit in diff.edits],
        "conflicts": conflicts,
        "next": token_of(diff.continuation),
    }


def edit_data(edit: vnstore.Edit) -> dict[str, Any]:
    """What a change says of a tuple."""
    return {
        "items": texts(edit.items),
        "alive": edit.alive,
        "was": edit.was,
        "replaces": [texts(items) for items in edit.replaces],
    }


async def _conflicts(
    tx: found.Transaction, store: vnstore.VNStore, change: vnstore.Change
) -> list[dict[str, Any]]:
    if change.state != "open":
        return []
    return [
        {
            "items": texts(conflict.items),
            "change": conflict.changeid.hex,
            "alive": conflict.alive,
            "how": conflict.how,
        }
        for conflict in await vnstore.change_conflicts(tx, store, change.uid)
    ]


async def edit_form(request: Request) -> Response:
    """A form that adds a tuple, or removes one."""
    return await _edit_page(request, query_of(request), {}, 200)


async def _edit_page(
    request: Request, typed: dict[str, str], problems: dict[str, str], status: int
) -> Response:
    site = site_of(request)
    uid = change_id(request)
    data = change_data(await site.read(lambda tx: described(tx, site.store, uid)))
    if data["state"] != "open":
        raise HTTPException(409, "The change is applied, and closed: make another one.")
    error = {"error": "; ".join(problems.values()), "problems": problems} if problems else {}
    return answer(
        request,
        "edit.html",
        {"change": data, **error},
        status,
        typed=typed,
        problems=problems,
        doing=_doing(request),
    )


def _doing(request: Request) -> str:
    return "add" if request.url.path.rstrip("/").endswith("/add") else "remove"


async def edit(request: Request) -> Response:
    """Add a tuple to a change, or remove one in it."""
    site = site_of(request)
    uid = change_id(request)
    typed = await form_of(request)
    adding = _doing(request) == "add"

    async def write(tx: found.Transaction) -> bool:
        await described(tx, site.store, uid)
        vnstore.change_continue(tx, site.store, uid)
        return await (vnstore.add if adding else vnstore.remove)(tx, site.store, *items)

    try:
        items = items_of(request, typed, fresh=adding)
        there = await site.write(write)
    except Invalid as wrong:
        return await _edit_page(request, typed, wrong.problems, 400)
    except vnstore.VNStoreException as error:
        return await _edit_page(request, typed, {site.store.items[0]: str(error)}, 400)
    if not there:
        return await _edit_page(
            request, typed, {site.store.items[0]: "there is no such tuple to remove"}, 409
        )
    return done(request, f"/history/u/{uid.hex}/", {"items": texts(items)})


async def confirm(request: Request) -> Response:
    """What will happen, before it does: apply, revert, restore, abandon."""
    return await _confirm_page(request, None, 200)


async def _confirm_page(request: Request, error: Optional[str], status: int) -> Response:
    site = site_of(request)
    uid = change_id(request)
    doing = _action(request)

    data = await site.read(lambda tx: _detail(tx, site.store, uid))
    _allow(doing, data["change"]["state"])
    if error is not None:
        data["error"] = error
    return answer(request, "confirm.html", data, status, doing=doing)


def _action(request: Request) -> str:
    return request.url.path.rstrip("/").rpartition("/")[2]


def _allow(doing: str, state: str) -> None:
    """Refuse what cannot be done to a change in this state."""
    if doing == "abandon" and state != "open":
        raise HTTPException(409, "The change is applied: it can be reverted, not abandoned.")
    if doing in ("revert", "restore") and state != "applied":
        raise HTTPException(409, "The change is not applied: there is nothing to go back from.")


async def apply(request: Request) -> Response:
    """Make a change part of history."""
    site = site_of(request)
    uid = change_id(request)
    force = (await form_of(request)).get("force") == "yes"

    async def write(tx: found.Transaction) -> None:
        await described(tx, site.store, uid)
        await vnstore.change_apply(tx, site.store, uid, force=force)

    try:
        await site.write(write)
    except vnstore.ConflictException as refused:
        return await _confirm_page(request, str(refused), 409)
    return done(request, f"/history/u/{uid.hex}/", {"id": uid.hex, "state": "applied"})


async def undo(request: Request) -> Response:
    """Propose a change that undoes one, or that brings back the tuples as they were after one."""
    site = site_of(request)
    uid = change_id(request)
    _, author = _described({"author": "", **await form_of(request), "description": ""})
    doing = _action(request)

    created = vnstore.change_uid()
    about: dict[str, Any] = {"metadata": _metadata(author), "uid": created}

    async def write(tx: found.Transaction) -> None:
        change = await described(tx, site.store, uid)
        _allow(doing, change.state)
        title = change.message or uid.hex
        if doing == "revert" or change.significance is None:
            await vnstore.change_revert(tx, site.store, uid, message=f"Revert: {title}", **about)
        else:
            await vnstore.restore(
                tx, site.store, change.significance, message=f"Back to: {title}", **about
            )

    await site.write(write)
    return done(request, f"/history/u/{created.hex}/", {"id": created.hex}, 201)


async def abandon(request: Request) -> Response:
    """Throw a change away that is not applied."""
    site = site_of(request)
    uid = change_id(request)
    await form_of(request)

    async def write(tx: found.Transaction) -> bool:
        change = await vnstore.change_describe(tx, site.store, uid)
        if change is None:
            return True
        _allow("abandon", change.state)
        return await vnstore.change_abandon(tx, site.store, uid)

    await site.read(lambda tx: described(tx, site.store, uid))
    while not await site.write(write):
        pass
    return done(request, "/history/", {"id": uid.hex, "state": "abandoned"})


async def message_form(request: Request) -> Response:
    """A form for the message and the author of a change that is not applied."""
    site = site_of(request)
    uid = change_id(request)
    data = change_data(await site.read(lambda tx: described(tx, site.store, uid)))
    typed = {"description": data["message"] or "", "author": data["author"] or ""}
    return answer(request, "change_new.html", {"change": data}, typed=typed, problems={})


async def message(request: Request) -> Response:
    """Give a change another message and author."""
    site = site_of(request)
    uid = change_id(request)
    typed = await form_of(request)
    data = change_data(await site.read(lambda tx: described(tx, site.store, uid)))
    if data["state"] != "open":
        raise HTTPException(409, "The change is applied, and closed: its message stays.")
    try:
        message, author = _described(typed)
    except Invalid as wrong:
        return answer(
            request,
            "change_new.html",
            {"change": data, "error": str(wrong), "problems": wrong.problems},
            400,
            typed=typed,
        )

    async def write(tx: found.Transaction) -> None:
        await vnstore.change_message(tx, site.store, uid, message)
        await vnstore.change_annotate(tx, site.store, uid, {"author": author})

    await site.write(write)
    return done(request, f"/history/u/{uid.hex}/", {"id": uid.hex})


def _described(typed: dict[str, str]) -> tuple[Optional[str], Optional[str]]:
    problems: dict[str, str] = {}
    for field, most in (("description", _LONGEST_MESSAGE), ("author", _LONGEST_AUTHOR)):
        if len(typed.get(field, "").encode()) > most:
            problems[field] = f"{field} has more than {most:,} bytes"
    if problems:
        raise Invalid(problems)
    return typed.get("description", "").strip() or None, typed.get("author", "").strip() or None


def _metadata(author: Optional[str]) -> dict[str, Any]:
    return {"author": author} if author else {}
