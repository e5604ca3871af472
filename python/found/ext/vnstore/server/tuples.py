"""The pages of tuples: patterns, now or as of any point of history, where a value occurs, its neighbourhood."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any, NamedTuple, Optional
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import found
from found.ext import vnstore
from found.ext.vnstore.server import graph as picture
from found.ext.vnstore.server.changes import change_data, texts
from found.ext.vnstore.server.site import (
    PAGE,
    Invalid,
    Site,
    answer,
    continuation_of,
    items_of,
    one_value,
    query_of,
    site_of,
    token_of,
)
from found.ext.vnstore.server.values import literal, tostring

_OCCURRENCES = 10
_CHOICES = 20


class Moment(NamedTuple):
    """When the tuples are looked at."""

    as_of: Optional[UUID] = None
    """The point in history; None is now."""
    change: Optional[UUID] = None
    """A change that is not applied, and seen as if it were."""
    said: str = "now"


async def moment_of(tx: found.Transaction, site: Site, text: Optional[str]) -> Moment:
    """What `as_of=` names: a change, after which; `-` and a change, before which; or a time.

    Raises:
        HTTPException: it names nothing of the store; the status is 400.
    """
    if not text:
        return Moment()
    before = text.startswith("-")
    try:
        uid = UUID(hex=text[before:])
    except ValueError:
        return _time_of(text)
    change = await vnstore.change_describe(tx, site.store, uid)
    if change is None:
        raise HTTPException(400, "There is no such change to look at the store as of.")
    title = change.message or f"change {uid.hex}"
    if change.significance is None:
        return Moment(said="now") if before else Moment(change=uid, said=f"as if applied: {title}")
    if before:
        return Moment(vnstore.point_before(change.significance), said=f"before: {title}")
    return Moment(change.significance, said=f"after: {title}")


def _time_of(text: str) -> Moment:
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
        when = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
        return Moment(
            vnstore.point_at(when), said=f"at {when.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
        )
    except (ValueError, OverflowError, vnstore.VNStoreException):
        raise HTTPException(
            400, "as_of= is a change, - and a change, or a time such as 2026-02-03T04:05."
        ) from None


async def index(request: Request) -> Response:
    """What is in the store."""
    site = site_of(request)

    async def read(tx: found.Transaction) -> dict[str, Any]:
        summary, recent = await asyncio.gather(
            vnstore.summary(tx, site.store), vnstore.history(tx, site.store, limit=5)
        )
        return {
            "store": {
                "name": site.store.name,
                "prefix": tostring(site.settings.prefix),
                "columns": list(site.store.items),
            },
            "tuples": summary.tuples,
            "bytes": summary.bytes,
            "changes": {"open": summary.open, "applied": summary.applied},
            "exact": summary.exact,
            "recent": [change_data(change) for change in recent.changes],
        }

    return answer(request, "index.html", await site.read(read))


async def navigate(request: Request) -> Response:
    """The tuples that match a pattern, a page of them."""
    site = site_of(request)
    query = query_of(request)
    typed = {column: query.get(column, "") for column in site.store.items}
    problems: dict[str, str] = {}
    pattern: list[Any] = []
    for column, text in typed.items():
        try:
            pattern.append(_matched(column, text))
        except ValueError as error:
            problems[column] = str(error)

    async def read(tx: found.Transaction) -> tuple[dict[str, Any], list[dict[str, str]]]:
        moment, choices = await asyncio.gather(
            moment_of(tx, site, query.get("as_of")), _choices(tx, site, query.get("as_of"))
        )
        data: dict[str, Any] = {"columns": list(typed), "pattern": typed, "as_of": moment.said}
        if problems:
            return {**data, "error": "; ".join(problems.values()), "problems": problems}, choices
        page = await vnstore.page(
            tx,
            site.store,
            pattern,
            as_of=moment.as_of,
            change=moment.change,
            limit=PAGE,
            continuation=continuation_of(query.get("after")),
        )
        tuples = [texts(_filled(pattern, binding)) for binding in page.bindings]
        return {**data, "tuples": tuples, "next": token_of(page.continuation)}, choices

    data, choices = await site.read(read)
    return answer(
        request,
        "navigate.html",
        data,
        400 if problems else 200,
        problems=problems,
        choices=choices,
        chosen=query.get("as_of", ""),
    )


def _matched(column: str, text: str) -> Any:
    """What a field of a pattern asks for: nothing typed is anything, `#?name` too, the same wherever that name is."""
    if not text:
        return vnstore.var(column)
    if text.startswith("#?"):
        if len(text) == 2:
            raise ValueError(
                "#? is followed by a name: columns with the same one hold the same value"
            )
        # Fields that are empty have variables, too, which no name that is typed may be.
        return vnstore.var(text)
    return literal(text)


def _filled(pattern: list[Any], binding: dict[str, Any]) -> list[Any]:
    variable = type(vnstore.var(""))
    return [binding[item.name] if isinstance(item, variable) else item for item in pattern]


async def _choices(
    tx: found.Transaction, site: Site, chosen: Optional[str]
) -> list[dict[str, str]]:
    """The moments that the form offers: now, after each of the last changes, and the one that is looked at."""
    page = await vnstore.history(tx, site.store, limit=_CHOICES)
    choices = [{"value": "", "said": "now"}]
    for change in page.changes:
        title = change.message or change.uid.hex
        said = f"after: {title}" if change.state == "applied" else f"as if applied: {title}"
        choices.append({"value": change.uid.hex, "said": said})
    if chosen and chosen not in {choice["value"] for choice in choices}:
        choices.append({"value": chosen, "said": (await moment_of(tx, site, chosen)).said})
    return choices


async def value(request: Request) -> Response:
    """Where a value occurs: the first tuples that hold it, column by column."""
    site = site_of(request)
    query = query_of(request)
    wanted = one_value(query.get("v"))
    columns = site.store.items

    async def read(tx: found.Transaction) -> dict[str, Any]:
        moment = await moment_of(tx, site, query.get("as_of"))
        pages = await asyncio.gather(
            *(_holding(tx, site, column, wanted, moment, _OCCURRENCES) for column in columns)
        )
        found_in = [
            {"column": column, "tuples": tuples, "more": more}
            for column, (tuples, more) in zip(columns, pages)
        ]
        return {"value": tostring(wanted), "as_of": moment.said, "places": found_in}

    return answer(request, "value.html", await site.read(read), chosen=query.get("as_of"))


async def _holding(
    tx: found.Transaction, site: Site, column: str, wanted: Any, moment: Moment, limit: int
) -> tuple[list[list[str]], bool]:
    pattern = [wanted if name == column else vnstore.var(name) for name in site.store.items]
    page = await vnstore.page(
        tx, site.store, pattern, as_of=moment.as_of, change=moment.change, limit=limit
    )
    return [
        texts(_filled(pattern, binding)) for binding in page.bindings
    ], page.continuation is not None


async def one_tuple(request: Request) -> Response:
    """The history of a tuple."""
    site = site_of(request)
    query = query_of(request)
    try:
        items = items_of(request, query)
    except Invalid as wrong:
        raise HTTPException(400, f"{wrong}.") from None

    async def read(tx: found.Transaction) -> dict[str, Any]:
        alive, events = await asyncio.gather(
            vnstore.ask(tx, site.store, *items), vnstore.tuple_history(tx, site.store, *items)
        )
        return {
            "items": texts(items),
            "alive": alive,
            "history": [
                {"change": change_data(event.change), "alive": event.alive} for event in events
            ],
        }

    data = await site.read(read)
    return answer(request, "tuple.html", data, fields=dict(zip(site.store.items, data["items"])))


async def graph(request: Request) -> Response:
    """The neighbourhood of a value, as a picture and as a list."""
    site = site_of(request)
    query = query_of(request)
    wanted = one_value(query.get("v"))
    # A store of one column has values without neighbours.
    ends = dict.fromkeys((site.store.items[0], site.store.items[-1]))

    async def read(tx: found.Transaction) -> dict[str, Any]:
        moment = await moment_of(tx, site, query.get("as_of"))
        pages = await asyncio.gather(
            *(
                _holding(tx, site, column, wanted, moment, 2 * picture.MOST_NEIGHBOURS)
                for column in ends
            )
        )
        tuples = list({tuple(items): items for found_in, _ in pages for items in found_in}.values())
        return {
            "value": tostring(wanted),
            "as_of": moment.said,
            "tuples": tuples,
            "more": any(more for _, more in pages),
        }

    data = await site.read(read)
    return answer(
        request,
        "graph.html",
        data,
        picture=picture.draw(data["value"], data["tuples"]),
        chosen=query.get("as_of"),
    )
