"""The versioned store in a browser: an ASGI application, and the command `found-vnstore` that serves it.

    found-vnstore --demo

or, under any ASGI server, `uvicorn found.ext.vnstore.server:server --lifespan on`, with what `found-vnstore --help`
names as environment variables: FOUND_VNSTORE_DATABASE, FOUND_VNSTORE_PREFIX, FOUND_VNSTORE_COLUMNS,
FOUND_VNSTORE_ALLOWED_HOSTS (between commas), FOUND_VNSTORE_SECRET (hexadecimal digits).

It needs the extra `server`: `pip install "asyncio-foundationdb[server]"`.
"""

from found.ext.vnstore.server.application import server
from found.ext.vnstore.server.command import main
from found.ext.vnstore.server.values import fromstring, tostring

__all__ = ["fromstring", "main", "server", "tostring"]
