"""The HTTP server underneath: uvicorn, with the one thing it does not offer, breaking a connection in mid-call."""

import asyncio
import contextlib
from types import FrameType
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Clients keep connections for up to a minute; the side that answers must not be the first to close an idle one.
_KEEP_ALIVE_SECONDS: Final = 75
_SHUTDOWN_SECONDS: Final = 3


class BreakableProtocol(HttpToolsProtocol):
    """Hands each request its transport, as `request.state.transport`."""

    def connection_made(  # type: ignore[override]  # uvicorn narrows asyncio's own signature in the same way
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class SandboxServer(uvicorn.Server):
    """Tells the application at once that it must stop, so that open event streams end and do not hold it up."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.end_streams()
        super().handle_exit(sig, frame)

    def end_streams(self) -> None:
        """Close the event streams of the playground."""
        self._app.state.world.live.close()


def build_server(app: FastAPI, *, host: str, port: int) -> SandboxServer:
    """A server for the sandbox's application; with port 0 the system chooses one."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BreakableProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return SandboxServer(config, app)


async def drop_connection(request: Request) -> Response:
    """Break the caller's connection without an answer; the response is for the framework, nobody receives it."""
    transport: Any = request.state.transport
    transport.abort()
    await wait_disconnect(request)
    return Response(status_code=500)


async def wait_disconnect(request: Request) -> None:
    """Return when the caller has left."""
    with contextlib.suppress(RuntimeError):
        while (await request.receive())["type"] != "http.disconnect":
            continue
