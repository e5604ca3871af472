"""What stands between the network and the pages: hosts, origins, sizes, headers of the answer, and the access log."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection
from hashlib import sha256
from typing import TYPE_CHECKING, Optional
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Refused = Callable[[Request, HTTPException], Awaitable[Response]]

_log = logging.getLogger("found.vnstore.server")

# A form holds one tuple or one message; a key is at most 10,000 bytes and a value 100,000, escaped at worst by three.
BODY_LIMIT = 400_000
_ADDRESS_LIMIT = 60_000

_HEADERS = {
    # Nothing but this server's own stylesheet and forms: no script at all, and no page that frames ours.
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: a browser then sends `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_COOKIE = "found-vnstore"


class Guard:
    """ASGI middleware that lets through what a page of this server or a program of this machine may have sent.

    Args:
        app: the application.
        refused: makes the answer to what is not let through.
    """

    def __init__(self, app: ASGIApp, refused: Refused) -> None:
        self._app = app
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = 0

        async def limited() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > BODY_LIMIT:
                raise HTTPException(413, f"More than {BODY_LIMIT:,} bytes.")
            return message

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                # Without its query string, which holds what was typed.
                _log.info(
                    "%s %s %d", scope["method"], ascii(scope["path"])[1:-1], message["status"]
                )
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, limited, guarded)
        else:
            answer = await self._refused(Request(scope), refusal)
            await answer(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Optional[HTTPException]:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not _knows(host, scope["state"]["site"].settings.allowed_hosts):
            return HTTPException(
                400,
                "This server was asked under a name it does not know: found-vnstore --allowed-host NAME.",
            )
        if len(scope.get("query_string", b"")) > _ADDRESS_LIMIT:
            return HTTPException(414, f"The address has more than {_ADDRESS_LIMIT:,} bytes.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_LIMIT:
            return HTTPException(413, f"More than {BODY_LIMIT:,} bytes.")
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        origin = headers.get("origin")
        if origin is None:
            same = headers.get("sec-fetch-site", "none") in ("same-origin", "none")
        else:
            same = urlsplit(origin).netloc.lower() == host.lower()
        return None if same else HTTPException(403, "This form was sent by a page of another site.")


def _knows(host: str, allowed: Collection[str]) -> bool:
    """Whether the server may be asked under this name.

    A page of another site can have its own name lead to this machine, and is then of the same origin as our pages; an
    address it cannot take for its own.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name in allowed:
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Tokens:
    """Tokens that a form has to carry, good for the browser that has been given the form.

    Args:
        secret: what they are signed with; the same in all processes that serve one site.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, request: Request) -> str:
        """The token of this browser."""
        return self._sign(self._browser(request))

    def keep(self, request: Request, response: Response) -> None:
        """Tell a new browser which one it is."""
        browser = self._browser(request)
        if request.cookies.get(_COOKIE) != browser:
            response.set_cookie(
                _COOKIE,
                browser,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )

    def check(self, request: Request, token: str) -> bool:
        """Whether the token is this browser's."""
        browser = request.cookies.get(_COOKIE)
        return browser is not None and hmac.compare_digest(
            self._sign(browser).encode(), token.encode()
        )

    def _sign(self, browser: str) -> str:
        return hmac.new(self._secret, browser.encode(), sha256).hexdigest()

    @staticmethod
    def _browser(request: Request) -> str:
        if not hasattr(request.state, "browser"):
            known = request.cookies.get(_COOKIE, "")
            request.state.browser = (
                known if len(known) == 32 and known.isalnum() else secrets.token_hex(16)
            )
        return request.state.browser
