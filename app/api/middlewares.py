"""What every HTTP request passes on its way in and out: an id, a log line, figures, headers, a bounded body."""

import re
import time
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import refusal
from app.core.db import is_outage
from app.core.errors import AppError
from app.core.i18n import Translator
from app.core.ids import new_id
from app.core.metrics import Metrics
from app.domain.errors import InternalError, ProviderUnavailable, ValidationFailed

log = structlog.get_logger(__name__)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
# Asked every few seconds by machines; they would bury the rest of the log.
_QUIET_PATHS: Final = frozenset(("/healthz", "/readyz", "/metrics"))
# nginx's word for a client that did not wait for the answer.
_CLIENT_CLOSED: Final = 499

# JSON answers need nothing; pages that need more say so themselves.
_DEFAULT_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Everything here is of one user or of this moment.
    "Cache-Control": "no-store",
}
_HSTS: Final = "max-age=31536000"

_API_PREFIX: Final = "/api/"
_API_BODY_LIMIT: Final = 64 * 1024
# An update of Telegram's repeats the messages that it answers to, and may be larger than any body of ours.
_OTHER_BODY_LIMIT: Final = 1024 * 1024
# These read their bodies themselves, up to limits of their own, once they know who sends.
_STREAMED_PATHS: Final = frozenset(("/api/v1/uploads",))
_SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))


class Border:
    """The outermost border of HTTP: nothing that goes wrong inside leaves it but as a refusal that says nothing."""

    def __init__(self, app: ASGIApp, *, translator: Translator, metrics: Metrics, hsts: bool) -> None:
        self._app = app
        self._translator = translator
        self._metrics = metrics
        self._headers = _DEFAULT_HEADERS | ({"Strict-Transport-Security": _HSTS} if hsts else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self._headers)
        with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
            try:
                await self._app(scope, receive, exchange.send)
            except Exception as error:  # noqa: BLE001 - one of the three outermost borders
                await self._apologise(exchange, receive, error)
            finally:
                self._record(exchange)

    async def _apologise(self, exchange: "_Exchange", receive: Receive, error: Exception) -> None:
        outage = is_outage(error)
        log.error("request_failed", outage=outage, exc_info=error)
        if exchange.status:
            # Half an answer is out; the server closes the connection, so that the client sees that it is not whole.
            return
        # "You were not charged" is a promise: when the database goes away under a submit, nobody knows that yet.
        harmless = exchange.scope["method"] in _SAFE_METHODS
        said: AppError = ProviderUnavailable() if outage and harmless else InternalError()
        await refusal(exchange.scope, self._translator, said)(exchange.scope, receive, exchange.send)

    def _record(self, exchange: "_Exchange") -> None:
        scope = exchange.scope
        route = getattr(scope.get("route"), "path", "")
        status = exchange.status or _CLIENT_CLOSED
        # An event stream is open for as long as somebody looks at it; what counts is when it began to answer.
        answered_at = exchange.answered_at or time.perf_counter()
        self._metrics.http_served(
            method=scope["method"], route=route, status=status, seconds=answered_at - exchange.began_at
        )
        client = scope.get("client")
        line = log.debug if scope["path"] in _QUIET_PATHS else log.info
        # The query stays out: other people's links carry secrets in it.
        line(
            "http_request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            milliseconds=round((time.perf_counter() - exchange.began_at) * 1000, 1),
            client=client[0] if client else None,
            user_id=scope.get("state", {}).get("user_id"),
        )


class _Exchange:
    """One request and what has been answered so far."""

    def __init__(self, scope: Scope, send: Send, headers: dict[str, str]) -> None:
        self.scope = scope
        self.began_at = time.perf_counter()
        self.answered_at: float | None = None
        self.status = 0
        self._send = send
        self._headers = headers
        given = Headers(scope=scope).get("x-request-id", "")
        # Somebody else's id goes into our log and back, so it has to look like one.
        self.request_id = given if _REQUEST_ID.fullmatch(given) else str(new_id())
        scope.setdefault("state", {})["request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered_at = time.perf_counter()
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


class BodyLimit:
    """Reads a request's body up to a limit before anybody works on it, and refuses what is larger."""

    def __init__(self, app: ASGIApp, *, translator: Translator) -> None:
        self._app = app
        self._translator = translator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE_METHODS or scope["path"] in _STREAMED_PATHS:
            await self._app(scope, receive, send)
            return
        limit = _API_BODY_LIMIT if scope["path"].startswith(_API_PREFIX) else _OTHER_BODY_LIMIT
        try:
            body = None if _declared_length(scope) > limit else await _read(receive, limit)
        except ClientDisconnect:
            # Half a request is no request, and nobody waits for an answer.
            return
        if body is None:
            error = ValidationFailed({"body": f"must be at most {limit // 1024} KB"})
            answer = refusal(scope, self._translator, error)
            # The rest of the body is still on its way; nobody will read it.
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)


def _declared_length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else 0


async def _read(receive: Receive, limit: int) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
