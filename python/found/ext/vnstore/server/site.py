"""What every page stands on: the store that is served, what was asked for, and the answer as HTML or as JSON."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Optional, TypeVar, cast
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

import found
from found.ext import vnstore
from found.ext.vnstore.server.guard import Tokens
from found.ext.vnstore.server.settings import Settings
from found.ext.vnstore.server.values import fromstring, literal

T = TypeVar("T")

PAGE = 42

_FORM = "application/x-www-form-urlencoded"
# Beyond this many letters a value is a link to the page that shows it whole.
_SHOWN = 300


class Site(NamedTuple):
    """What is served; `request.state.site`."""

    db: found.Database
    store: vnstore.VNStore
    settings: Settings
    tokens: Tokens

    async def read(self, function: Callable[[found.Transaction], Awaitable[T]]) -> T:
        """The answer of a function that only reads, at one version of the database."""
        return await found.transactional(self.db, function, snapshot=True)

    async def write(self, function: Callable[[found.Transaction], Awaitable[T]]) -> T:
        """The answer of a function that writes, once it is committed."""
        return await found.transactional(self.db, function)


class Invalid(Exception):
    """What was typed is wrong: a page of status 400 that says so at the field, and keeps what was typed.

    Args:
        problems: what is wrong, by field.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


def site_of(request: Request) -> Site:
    """The site that a request asks."""
    return cast("Site", request.state.site)


def url(request: Request, path: str, **query: Optional[str]) -> str:
    """The address of a page of this server, where a proxy may have put it below another path.

    Args:
        path: the page, from `/` on.
        query: its fields; those that are None are left out.
    """
    fields = {name: value for name, value in query.items() if value is not None}
    root = request.scope.get("root_path", "").rstrip("/")
    return f"{root}{path}{'?' if fields else ''}{urlencode(fields)}"


def wants_json(request: Request) -> bool:
    """Whether a program asks, rather than a browser: JSON is accepted, and preferred to HTML."""
    weights = {"application/json": 0.0, "text/html": 0.0}
    for choice in request.headers.get("accept", "").split(","):
        kind, *parameters = (part.strip() for part in choice.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        if kind in weights:
            weights[kind] = weight
    return weights["application/json"] > weights["text/html"]


def answer(
    request: Request,
    template: str,
    data: Mapping[str, Any],
    status: int = 200,
    headers: Optional[Mapping[str, str]] = None,
    **shown: Any,
) -> Response:
    """A page.

    Args:
        template: what shows it to people.
        data: what it says, which a program gets as it is.
        shown: what people need beside it: what they typed, choices.
    """
    headers = {"vary": "accept", "cache-control": "no-store", **(headers or {})}
    if wants_json(request):
        return JSONResponse(dict(data), status, headers)
    site: Optional[Site] = getattr(request.state, "site", None)
    token = site.tokens.of(request) if site else ""
    context: dict[str, Any] = {
        **data,
        **shown,
        "columns": list(site.store.items) if site else [],
        "name": "found-vnstore",
        "here": request.scope["path"],
        "path": functools.partial(url, request),
        "following": "after" in request.query_params,
        "token": token,
    }
    html = _templates.get_template(template).render(context)
    response = HTMLResponse(html, status, headers)
    # Pages without a form leave no cookie, which could be a second one beside that of a form being loaded.
    if site and token in html:
        site.tokens.keep(request, response)
    return response


def done(request: Request, path: str, data: Mapping[str, Any], status: int = 200) -> Response:
    """What was asked for is done: a browser goes on at `path`, a program is told `data`."""
    if wants_json(request):
        headers = {"location": url(request, path), "cache-control": "no-store", "vary": "accept"}
        return JSONResponse(dict(data), status, headers)
    return RedirectResponse(url(request, path), 303)


def query_of(request: Request) -> dict[str, str]:
    """The fields of the address.

    Raises:
        HTTPException: they are no UTF-8, or too many; the status is 400.
    """
    return _fields(request.scope["query_string"])


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that a browser sent, or of a JSON object that a program sent.

    Raises:
        HTTPException: it is neither (400, 415), or its token is not the one that this browser was given (403).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind == "application/json":
        # No form of another site sends this type, and scripts of other sites are not allowed to: no token.
        try:
            fields = json.loads(body or b"{}")
            # Half of a surrogate pair is JSON, and no text.
            json.dumps(fields, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise HTTPException(400, "The body is no JSON of texts.") from None
        if not isinstance(fields, dict) or not all(
            isinstance(value, str) for value in cast("dict[str, object]", fields).values()
        ):
            raise HTTPException(400, "The body must be a JSON object, and its values strings.")
        return cast("dict[str, str]", fields)
    if kind not in (_FORM, "") or (kind == "" and body):
        raise HTTPException(415, f"A form is {_FORM} or application/json, not {kind!a}.")
    # Browsers end the lines of a text area with CR LF, whatever was typed.
    fields = {name: value.replace("\r\n", "\n") for name, value in _fields(body).items()}
    if not site_of(request).tokens.check(request, fields.pop("token", "")):
        raise HTTPException(
            403,
            "This form is not from a page that this browser was shown, or the server has started again since. "
            "Go back, load the page again, and send it once more.",
        )
    return fields


def _fields(encoded: bytes) -> dict[str, str]:
    try:
        return dict(
            parse_qsl(
                encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=64
            )
        )
    except ValueError:
        raise HTTPException(400, "The fields are no UTF-8, or more than 64.") from None


def change_id(request: Request) -> UUID:
    """The change that the path names.

    Raises:
        HTTPException: it names none; the status is 404.
    """
    text = request.path_params["uid"]
    if len(text) == 32:
        try:
            return UUID(hex=text)
        except ValueError:
            pass
    raise HTTPException(404, "There is no such change.")


def items_of(request: Request, fields: Mapping[str, str], *, fresh: bool = False) -> list[Any]:
    """The tuple that was typed, a column a field.

    Args:
        fields: what was typed.
        fresh: whether `_` is a new UUID.

    Raises:
        Invalid: a column is missing or is no value.
    """
    items: list[Any] = []
    problems: dict[str, str] = {}
    for column in site_of(request).store.items:
        try:
            if column not in fields:
                raise ValueError(f"{column} is missing")
            if not fields[column]:
                raise ValueError(f"{column} is empty: write #s for a text of no letters")
            items.append(fromstring(fields[column]) if fresh else literal(fields[column]))
        except ValueError as error:
            problems[column] = str(error)
    if problems:
        raise Invalid(problems)
    return items


def one_value(text: Optional[str]) -> Any:
    """The value that an address asks for.

    Raises:
        HTTPException: there is none, or it is no value; the status is 400.
    """
    if not text:
        raise HTTPException(400, "The address names no value: ?v=")
    try:
        return literal(text)
    except ValueError as error:
        raise HTTPException(400, f"{error}.") from None


def token_of(continuation: Optional[bytes]) -> Optional[str]:
    """A continuation as it stands in an address."""
    return None if continuation is None else continuation.hex()


def continuation_of(text: Optional[str]) -> Optional[bytes]:
    """The continuation in an address.

    Raises:
        HTTPException: it is none; the status is 400.
    """
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        raise HTTPException(
            400, "This is no page that follows another: after= is not what this server wrote."
        ) from None


def iso(when: Optional[datetime]) -> Optional[str]:
    """A time as programs read it."""
    return None if when is None else when.isoformat(timespec="seconds")


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _readable(text: str) -> str:
    """A value for people: a text that forms would change is shown, not its escape."""
    return cast("str", literal(text)) if text.startswith("#j") else text


def _when(text: str) -> str:
    return f"{text[:16].replace('T', ' ')} UTC"


_templates = Environment(
    loader=PackageLoader("found.ext.vnstore.server"),
    autoescape=select_autoescape(default=True),
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["shorten"] = _shorten
_templates.filters["readable"] = _readable
_templates.filters["when"] = _when
