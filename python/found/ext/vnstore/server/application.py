"""The ASGI application: its start and end, its routes, and what it answers when something is wrong."""

from __future__ import annotations

import logging
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import found
from found.ext import vnstore
from found.ext.vnstore.server import changes, demo, openapi, settings, tuples
from found.ext.vnstore.server.guard import Guard, Tokens
from found.ext.vnstore.server.site import Site, answer, site_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_log = logging.getLogger("found.vnstore.server")

# A page that takes longer is an error page: a cluster that does not answer must not hold browsers for ever.
_TIMEOUT_MILLISECONDS = 10_000


async def server(scope: Scope, receive: Receive, send: Send) -> None:
    """The application. The ASGI server must run the lifespan protocol, and hand its state on, as uvicorn does."""
    if scope["type"] == "lifespan":
        await _lifespan(scope, receive, send)
    elif "site" in scope.get("state", {}):
        await _application(scope, receive, send)
    else:
        raise RuntimeError(
            "found.ext.vnstore.server needs the lifespan protocol: uvicorn --lifespan on"
        )


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Open the database for as long as the server runs; a start that fails is told in a sentence, not a traceback."""
    await receive()
    try:
        site = await _open()
    except (found.BaseFoundException, OSError, ValueError, ImportError) as error:
        await send(
            {"type": "lifespan.startup.failed", "message": f"found-vnstore cannot start: {error}"}
        )
        return
    scope["state"]["site"] = site
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await found.close(site.db)
    await send({"type": "lifespan.shutdown.complete"})


async def _open() -> Site:
    chosen = settings.read()
    store = vnstore.make("found-vnstore", chosen.prefix, chosen.columns)
    db = await found.open(chosen.database)
    try:
        found.database_set_option(
            db, found.FDB_DB_OPTION_TRANSACTION_TIMEOUT, _TIMEOUT_MILLISECONDS
        )
        if chosen.demo and await demo.load(db, store):
            _log.info("the store was empty: it has airports now")
    except BaseException:
        await found.close(db)
        raise
    return Site(db, store, chosen, Tokens(chosen.secret))


async def _help(request: Request) -> Response:
    """How values are written."""
    examples = [
        ("hello", "text"),
        ("#s#hello", "text that begins with # or _; #s alone is the empty text"),
        ('#j"two\\nlines"', "text with line ends or other controls, as a JSON string"),
        ("#i42", "integer"),
        ("#f3.14", "float"),
        ("#g3.14", "single float"),
        ("#true #false #none", "true, false, none"),
        ("#u0102030405060708090A0B0C0D0E0F10", "UUID"),
        ("_", "a new UUID, where a tuple is added"),
        ("#b00ff", "bytes"),
        ('#t["text", "#i42", ["nested"]]', "tuple"),
        ("#v000000000000000100000000", "versionstamp"),
        (
            "#p",
            "and hexadecimal digits: a tuple nested too deep to be read, as found.pack writes it",
        ),
    ]
    return answer(request, "help.html", {"examples": examples})


async def _openapi(request: Request) -> Response:
    """The description of the JSON interface."""
    return JSONResponse(openapi.describe(site_of(request).store.items))


async def _http_error(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    title = HTTPStatus(refusal.status_code).phrase
    said = (
        refusal.detail if refusal.detail != title else _SAID.get(refusal.status_code, f"{title}.")
    )
    return answer(
        request, "error.html", {"error": said}, refusal.status_code, refusal.headers, title=title
    )


_SAID = {404: "There is nothing here.", 405: "This page does not take that method."}


async def _store_error(request: Request, error: Exception) -> Response:
    conflict = isinstance(error, vnstore.ConflictException)
    return await _http_error(request, HTTPException(409 if conflict else 400, f"{error}."))


async def _database_error(request: Request, error: Exception) -> Response:
    _log.error("the database answers: %s", error)
    return await _http_error(
        request,
        HTTPException(
            503, "The database did not do it. Nothing may have been changed: look, and try again."
        ),
    )


async def _fault(request: Request, error: Exception) -> Response:
    return await _http_error(
        request, HTTPException(500, "The server has a fault; its log says more.")
    )


def _change_routes() -> list[Any]:
    at = "/history/u/{uid}"
    routes = [Route(f"{at}/", changes.change, methods=["GET"])]
    for path, form, action in [
        ("message", changes.message_form, changes.message),
        ("add", changes.edit_form, changes.edit),
        ("remove", changes.edit_form, changes.edit),
        ("apply", changes.confirm, changes.apply),
        ("revert", changes.confirm, changes.undo),
        ("restore", changes.confirm, changes.undo),
        ("abandon", changes.confirm, changes.abandon),
    ]:
        routes.append(_form(f"{at}/{path}/", form, action))
    return routes


def _form(path: str, show: Any, take: Any) -> Route:
    """A form and what takes it, at one path, so that other methods are answered with the two of them in Allow."""

    async def endpoint(request: Request) -> Response:
        return await (take if request.method == "POST" else show)(request)

    return Route(path, endpoint, methods=["GET", "POST"])


_application = Starlette(
    routes=[
        Route("/", tuples.index, methods=["GET"]),
        Route("/history/", changes.history, methods=["GET"]),
        _form("/history/change/", changes.new_change, changes.create_change),
        *_change_routes(),
        Route("/navigate/", tuples.navigate, methods=["GET"]),
        Route("/value/", tuples.value, methods=["GET"]),
        Route("/tuple/", tuples.one_tuple, methods=["GET"]),
        Route("/graph/", tuples.graph, methods=["GET"]),
        Route("/help/", _help, methods=["GET"]),
        Route("/openapi.json", _openapi, methods=["GET"]),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ],
    middleware=[Middleware(Guard, refused=_http_error)],
    exception_handlers={
        HTTPException: _http_error,
        vnstore.VNStoreException: _store_error,
        found.FoundException: _database_error,
        Exception: _fault,
    },
)
