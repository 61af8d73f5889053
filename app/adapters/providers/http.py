"""The exchange with a vendor over HTTP: bounded in time and size, and its answers read with suspicion.

A create that may have been taken must never be repeated, while a read always may. So what an answer means is decided
here, once for each (architecture, generation protocol, step 3); a vendor adds only how its own errors look.
"""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from app.adapters.providers.pace import Pace
from app.core.db import refuse_inside_transaction
from app.core.redaction import HIDDEN, SHORTEST_SECRET
from app.domain.ports import (
    ProviderBusy,
    ProviderError,
    ProviderInvalid,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderReferenceKnown,
    ProviderUnreachable,
)

# An answer that carries a picture in its JSON: as large as the pictures that we take, a third more for the encoding.
PICTURE_ANSWER_BYTES: Final = 64 * 1024 * 1024
# A create that is answered by a task id, and every read.
ANSWER_LIMIT_SECONDS: Final = 15.0

_ANSWER_BYTES: Final = 1024 * 1024
_CONNECT_TIMEOUT_SECONDS: Final = 5.0
# Shorter than vendors keep idle connections: one that is closed while we send would be an unknown outcome.
_KEEPALIVE_SECONDS: Final = 2.0
_CONNECTIONS: Final = 256
# Signed links are the longest of them.
_LONGEST_WORD: Final = 4096
_LONGEST_DETAIL: Final = 300

# Nothing was sent: the connection was never there, or none was free.
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

# Written by gateways, the vendor's own among them: whoever stands behind them may have taken the request.
_GATEWAY_STATUSES: Final = frozenset({502, 504})

# Without the vendor's word for it: a 4xx was not taken either, and these say more than "our bug".
_BARE_STATUSES: Final[Mapping[int, type[ProviderError]]] = {
    401: ProviderOutOfMoney,
    402: ProviderOutOfMoney,
    403: ProviderOutOfMoney,
    408: ProviderBusy,
    425: ProviderBusy,
    429: ProviderRateLimited,
}


class OversizedAnswer(ProviderBusy):
    """A read was answered with more than we take; asking again would change nothing."""


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """What a vendor, or somebody in between, answered. `json` is empty when the body is no JSON object."""

    status: int
    headers: httpx.Headers
    body: bytes
    json: dict[str, Any]

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after_seconds(self) -> float | None:
        """The Retry-After header, where it is a number of seconds."""
        return seconds(self.headers.get("Retry-After"))


@dataclass(frozen=True, slots=True)
class OwnError:
    """The vendor's own error, by which its answers are told from those of a proxy.

    Without a `kind` the HTTP status decides. `retry_after_seconds` overrules the header; `task_id` is for a known
    reference.
    """

    code: str
    message: str
    kind: type[ProviderError] | None = None
    retry_after_seconds: float | None = None
    task_id: str | None = None


class VendorHttp:
    """Connections to one vendor. The key goes out in a header and comes back in nothing; `close()` ends them."""

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        headers: Mapping[str, str],
        own_error: Callable[[VendorAnswer], OwnError | None],
        answer_limit_seconds: float = ANSWER_LIMIT_SECONDS,
        pace: Pace | None = None,
        paces_reads: bool = False,
    ) -> None:
        """`own_error` reads the vendor's refusal from an answer of any status, or None when it is not the vendor's.

        `answer_limit_seconds` bounds a whole exchange, since a vendor that drips bytes must not hold a job for ever.
        `pace` is that of creates, and with `paces_reads` of everything.
        """
        self._key = key.encode()
        self._own_error = own_error
        self._answer_limit_seconds = answer_limit_seconds
        self._pace = pace
        self._paces_reads = paces_reads
        self._http = httpx.AsyncClient(
            base_url=f"{base_url.rstrip('/')}/",
            headers={"User-Agent": "starbrush", **headers},
            timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT_SECONDS, pool=_CONNECT_TIMEOUT_SECONDS),
            limits=httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_KEEPALIVE_SECONDS),
            follow_redirects=False,
            trust_env=False,
            verify=_tls(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def create(
        self,
        path: str,
        *,
        content: object = None,
        files: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        limit_seconds: float | None = None,
        max_bytes: int = _ANSWER_BYTES,
    ) -> VendorAnswer:
        """POST something that costs money, once: `content` as JSON, or `files` as a form.

        Returns the vendor's consent. Raises: ProviderError (ProviderOutcomeUnknown where it may have been taken).
        """
        refuse_inside_transaction("a vendor's call")
        if self._pace:
            self._pace.take()
        request = self._http.build_request("POST", path, json=content, files=_form(files), headers=headers)
        try:
            answer = await self._exchange(request, limit_seconds or self._answer_limit_seconds, max_bytes)
        except NOT_SENT as error:
            raise ProviderUnreachable(type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError, OversizedAnswer) as error:
            raise ProviderOutcomeUnknown(type(error).__name__) from error
        own = self._own_error(answer)
        if own is None and answer.is_success:
            return answer
        raise self._rested(create_refusal(answer, own))

    async def read(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        limit_seconds: float | None = None,
        max_bytes: int = _ANSWER_BYTES,
    ) -> VendorAnswer:
        """Ask something that may be asked again at any time; a cancellation is such a thing too.

        Returns the answer whatever it says (`accepted` judges it). Raises: ProviderUnreachable, ProviderBusy,
        OversizedAnswer, ProviderHeldBack.
        """
        refuse_inside_transaction("a vendor's call")
        if self._pace and self._paces_reads:
            self._pace.take()
        request = self._http.build_request(method, path, params=params, headers=headers)
        try:
            return await self._exchange(request, limit_seconds or self._answer_limit_seconds, max_bytes)
        except NOT_SENT as error:
            raise ProviderUnreachable(type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderBusy(type(error).__name__) from error

    def accepted(self, answer: VendorAnswer) -> VendorAnswer:
        """The answer to a read, if it is a success. Raises: ProviderError."""
        own = self._own_error(answer)
        if own is None and answer.is_success:
            return answer
        raise self._rested(read_refusal(answer, own))

    async def _exchange(self, request: httpx.Request, limit_seconds: float, max_bytes: int) -> VendorAnswer:
        async with asyncio.timeout(limit_seconds):
            return await read_answer(await self._http.send(request, stream=True), key=self._key, max_bytes=max_bytes)

    def _rested(self, refusal: ProviderError) -> ProviderError:
        """The same refusal; where the vendor wants to be left alone, it is."""
        if self._pace and isinstance(refusal, ProviderRateLimited) and refusal.retry_after_seconds:
            self._pace.rest(refusal.retry_after_seconds)
        return refusal


async def read_answer(response: httpx.Response, *, key: bytes, max_bytes: int = _ANSWER_BYTES) -> VendorAnswer:
    """Read what comes after the headers, within bounds, and close it. Raises: OversizedAnswer, httpx.HTTPError."""
    body = bytearray()
    try:
        # What announces itself as too long need not be read to know it.
        if (announced := response.headers.get("Content-Length", "")).isdecimal():
            _refuse_above(max_bytes, int(announced))
        async for chunk in response.aiter_bytes():
            body += chunk
            _refuse_above(max_bytes, len(body))
    finally:
        await response.aclose()
    text = bytes(body)
    if len(key) >= SHORTEST_SECRET:
        # Vendors like to repeat a wrong key in the sentence that refuses it. A shorter one also stands in a picture's
        # base64 now and then, which would be spoiled by this.
        text = text.replace(key, HIDDEN.encode())
    return VendorAnswer(response.status_code, response.headers, text, json_object(text))


def origin(base_url: str) -> str:
    """Scheme, host and port of an address, as the Downloader is told them."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"


def word(value: object) -> str | None:
    """An id, a code or an address of the vendor's; None for what is none and could not be stored or sent again."""
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD and value.isprintable():
        return value
    return None


def sentence(value: object) -> str:
    """What the vendor says to people, fit for a log line and a table."""
    text = value if isinstance(value, str) else json.dumps(value, default=str) if value else ""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_LONGEST_DETAIL])


def json_object(body: bytes) -> dict[str, Any]:
    """The object that a body holds; an empty one when it holds anything else."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def record(value: object) -> Mapping[str, Any]:
    """The object at this place of an answer; an empty one when it is none."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[Mapping[str, Any]]:
    """The objects in the list at this place of an answer."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def micros(dollars: object) -> int:
    """A price in millionths of a dollar; 0 for what is none."""
    price = _amount(dollars)
    return round(price * 1_000_000) if price is not None and price < 1_000_000 else 0


def whole(value: object) -> int | None:
    """A number of the vendor's, without its fraction; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**62:
        return None
    return int(value)


def seconds(value: object) -> float | None:
    """A finite, non-negative number of seconds, maybe written as text; None for what is none."""
    return _amount(value)


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if 0 <= parsed < float("inf") else None


def _refuse_above(max_bytes: int, length: int) -> None:
    if length > max_bytes:
        message = f"more than {max_bytes} bytes"
        raise OversizedAnswer(message)


@cache
def _tls() -> ssl.SSLContext:
    """One for all vendors: reading the list of authorities takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


def _form(files: Mapping[str, object] | None) -> Any:
    return dict(files) if files is not None else None


def create_refusal(answer: VendorAnswer, own: OwnError | None) -> ProviderError:
    """What it means that a create was answered so; for vendors whose own library made the exchange."""
    if answer.status in _GATEWAY_STATUSES or (own is None and answer.status >= 500):
        # Somebody between us and the vendor answered; the vendor may be drawing.
        return ProviderOutcomeUnknown(_detail(answer, own))
    return _refusal(answer, own)


def read_refusal(answer: VendorAnswer, own: OwnError | None) -> ProviderError:
    """What it means that a read was answered so."""
    if answer.status in _GATEWAY_STATUSES or (own is None and (answer.status >= 500 or answer.status == 404)):
        # A gateway's 404 says nothing about the task.
        return ProviderBusy(_detail(answer, own))
    return _refusal(answer, own)


def _refusal(answer: VendorAnswer, own: OwnError | None) -> ProviderError:
    detail = _detail(answer, own)
    kind = (own.kind if own else None) or _BARE_STATUSES.get(answer.status)
    if own is None and answer.status == 403:
        # A filter between us and the vendor refuses this one request; only the vendor can speak of our account.
        kind = ProviderBusy
    if kind is ProviderReferenceKnown:
        return ProviderReferenceKnown(detail, task_id=own.task_id if own else None)
    if kind is not None:
        patience = own.retry_after_seconds if own else None
        return kind(detail, retry_after_seconds=answer.retry_after_seconds if patience is None else patience)
    return ProviderBusy(detail) if answer.status >= 500 else ProviderInvalid(detail)


def _detail(answer: VendorAnswer, own: OwnError | None) -> str:
    said = f"{own.code}: {own.message}" if own else "no vendor body"
    return f"{answer.status} {sentence(said)}"
