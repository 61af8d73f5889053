"""The demo vendor: an HTTP service in the sandbox that draws pictures, in both shapes.

Treated like any other vendor. What its answers mean is decided in one place each for creates and for reads, because a
create that may have been taken must never be repeated, while a read always may.
"""

import asyncio
import binascii
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import httpx

from app.core.db import refuse_inside_transaction
from app.domain.ports import (
    Artifact,
    CancelOutcome,
    Made,
    ProviderBusy,
    ProviderError,
    ProviderFailed,
    ProviderInvalid,
    ProviderModelGone,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderReferenceKnown,
    ProviderRejected,
    ProviderTraits,
    ProviderUnreachable,
    Shape,
    TaskReport,
    TaskState,
    VendorRequest,
)

_CONNECT_TIMEOUT_SECONDS: Final = 5.0
_ANSWER_LIMIT_SECONDS: Final = 15.0
# Shorter than the vendor keeps idle connections: one that it closes while we send would be an unknown outcome.
_KEEPALIVE_SECONDS: Final = 2.0
_CONNECTIONS: Final = 256

_AT_ONCE_DIRECTIVE: Final = "[now]"

_STATES: Final[Mapping[str, TaskState]] = {
    "queued": TaskState.RUNNING,
    "running": TaskState.RUNNING,
    "succeeded": TaskState.SUCCEEDED,
    "failed": TaskState.FAILED,
    "rejected": TaskState.REJECTED,
    "cancelled": TaskState.CANCELLED,
}

# The vendor's own words for a refusal.
_REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    "invalid_request": ProviderInvalid,
    "unauthorized": ProviderOutOfMoney,
    "insufficient_funds": ProviderOutOfMoney,
    "model_not_found": ProviderModelGone,
    "reference_exists": ProviderReferenceKnown,
    "content_rejected": ProviderRejected,
    "rate_limited": ProviderRateLimited,
    "generation_failed": ProviderFailed,
    "unavailable": ProviderBusy,
}

# Without them, from somebody in between: a 4xx was not taken either, and these say more than "our bug".
_BARE_STATUSES: Final[Mapping[int, type[ProviderError]]] = {
    401: ProviderOutOfMoney,
    402: ProviderOutOfMoney,
    403: ProviderOutOfMoney,
    408: ProviderBusy,
    425: ProviderBusy,
    429: ProviderRateLimited,
}

# Nothing was sent: the connection was never there, or none was free.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class DemoProvider:
    """The Provider port over `{base_url}/v1`. Keeps connections open; `close()` ends them."""

    name: Final = "demo"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        call_limit_seconds: float = 120.0,
        answer_limit_seconds: float = _ANSWER_LIMIT_SECONDS,
    ) -> None:
        """`call_limit_seconds` bounds an at-once call, which answers only when the picture is done, the other all else.

        Both bound the whole exchange: a vendor that drips bytes must not hold a job for ever.
        """
        parts = urlsplit(base_url)
        self.traits = ProviderTraits(
            finds_by_reference=True,
            refuses_known_reference=True,
            stops_free=True,
            first_poll_seconds=1.0,
            longest_poll_seconds=5.0,
            downloads_from=f"{parts.scheme}://{parts.netloc}",
        )
        self._call_limit_seconds = call_limit_seconds
        self._answer_limit_seconds = answer_limit_seconds
        self._http = httpx.AsyncClient(
            base_url=f"{base_url.rstrip('/')}/v1/",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT_SECONDS, pool=_CONNECT_TIMEOUT_SECONDS),
            limits=httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_KEEPALIVE_SECONDS),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def shape(self, request: VendorRequest) -> Shape:
        """A task, unless the prompt says `[now]`."""
        return Shape.NOW if _AT_ONCE_DIRECTIVE in request.prompt.lower() else Shape.TASK

    async def generate(self, request: VendorRequest) -> Made:
        """Make it at once. Raises: ProviderError."""
        body = await self._create("images", _body(request), limit_seconds=self._call_limit_seconds)
        try:
            data = binascii.a2b_base64(body["image"], strict_mode=True)
            return Made(Artifact(str(body["mime"]), data=data), int(body["cost_micros"]))
        except (KeyError, TypeError, ValueError) as error:
            message = "a made picture that cannot be read"
            raise ProviderOutcomeUnknown(message) from error

    async def submit(self, request: VendorRequest) -> str:
        """Create a task. Raises: ProviderError."""
        body = await self._create(
            "tasks", {"kind": request.kind, **_body(request)}, limit_seconds=self._answer_limit_seconds
        )
        task_id = body.get("id")
        if not isinstance(task_id, str) or not task_id:
            message = "a created task without an id"
            raise ProviderOutcomeUnknown(message)
        return task_id

    async def check(self, task_id: str) -> TaskReport:
        """Ask about a task. Raises: ProviderError."""
        response = await self._read("GET", f"tasks/{task_id}")
        if _vendor_error(response).get("code") == "not_found":
            return TaskReport(TaskState.GONE)
        return _report(_read_body(response))

    async def find(self, reference: str) -> str | None:
        """The task behind our reference, if the vendor has one. Raises: ProviderError."""
        response = await self._read("GET", "tasks", params={"reference": reference})
        if _vendor_error(response).get("code") == "not_found":
            return None
        task_id = _read_body(response).get("id")
        return task_id if isinstance(task_id, str) else _raise_unreadable(response)

    async def cancel(self, task_id: str) -> CancelOutcome:
        """Stop a task. Raises: ProviderError."""
        response = await self._read("POST", f"tasks/{task_id}/cancel")
        if _vendor_error(response).get("code") in {"finished", "not_found"}:
            return CancelOutcome.TOO_LATE
        body = _read_body(response)
        # Only where the vendor says both is the stop worth a return of the credits.
        stopped_free = body.get("status") == "cancelled" and body.get("charged") is False
        return CancelOutcome.STOPPED if stopped_free else CancelOutcome.TOO_LATE

    async def _create(self, path: str, body: dict[str, object], *, limit_seconds: float) -> dict[str, Any]:
        refuse_inside_transaction("a vendor's call")
        try:
            async with asyncio.timeout(limit_seconds):
                response = await self._http.post(path, json=body)
        except _NOT_SENT as error:
            raise ProviderUnreachable(type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderOutcomeUnknown(type(error).__name__) from error
        if response.is_success:
            return _json(response)
        raise _create_refusal(response)

    async def _read(self, method: str, path: str, params: dict[str, str] | None = None) -> httpx.Response:
        """Ask something that may be asked again at any time; a cancellation is such a thing too."""
        refuse_inside_transaction("a vendor's call")
        try:
            async with asyncio.timeout(self._answer_limit_seconds):
                return await self._http.request(method, path, params=params)
        except _NOT_SENT as error:
            raise ProviderUnreachable(type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderBusy(type(error).__name__) from error


def _body(request: VendorRequest) -> dict[str, object]:
    return {
        "model": request.vendor_model,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "reference": request.reference,
        "aspect_ratio": request.aspect_ratio,
        "seed": request.seed,
        "inputs": [],
    }


def _json(response: httpx.Response) -> dict[str, Any]:
    """The answer as an object; an empty one when it is anything else."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _vendor_error(response: httpx.Response) -> dict[str, Any]:
    """The vendor's own error, by which its answers are told from those of a proxy; empty when it is none."""
    if response.is_success:
        return {}
    error = _json(response).get("error")
    return error if isinstance(error, dict) and isinstance(error.get("code"), str) else {}


def _create_refusal(response: httpx.Response) -> ProviderError:
    """What a refused create means (architecture, generation protocol, step 3)."""
    own = _vendor_error(response)
    detail = _detail(response, own)
    if not own and response.status_code >= 500:
        # Somebody between us and the vendor answered; the vendor may be drawing.
        return ProviderOutcomeUnknown(detail)
    return _refusal(response, own, detail)


def _refusal(response: httpx.Response, own: Mapping[str, Any], detail: str) -> ProviderError:
    kind = _REFUSALS.get(own.get("code", "")) or _BARE_STATUSES.get(response.status_code)
    if kind is ProviderReferenceKnown:
        task_id = own.get("task_id")
        return ProviderReferenceKnown(detail, task_id=task_id if isinstance(task_id, str) else None)
    if kind is not None:
        return kind(detail, retry_after_seconds=_retry_after(response))
    return ProviderBusy(detail) if response.status_code >= 500 else ProviderInvalid(detail)


def _read_body(response: httpx.Response) -> dict[str, Any]:
    """The body of a successful read. Raises: ProviderError."""
    if response.is_success:
        return _json(response)
    own = _vendor_error(response)
    detail = _detail(response, own)
    if not own and (response.status_code >= 500 or response.status_code == 404):
        # A gateway's 404 says nothing about the task.
        raise ProviderBusy(detail)
    raise _refusal(response, own, detail)


def _report(body: Mapping[str, Any]) -> TaskReport:
    state = _STATES.get(str(body.get("status")))
    if state is None:
        message = f"a task with the unknown status {body.get('status')!r}"
        raise ProviderBusy(message)
    output = body.get("output")
    artifact = None
    if state is TaskState.SUCCEEDED:
        if not isinstance(output, dict) or not isinstance(output.get("url"), str):
            message = "a finished task without its output"
            raise ProviderBusy(message)
        artifact = Artifact(str(output.get("mime", "")), url=output["url"])
    error = body.get("error")
    return TaskReport(
        state=state,
        percent=_whole(body.get("percent")),
        queue_position=_whole(body.get("queue_position")),
        artifact=artifact,
        cost_micros=_whole(body.get("cost_micros")) or 0,
        detail=str(error.get("message", "")) if isinstance(error, dict) else "",
    )


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _retry_after(response: httpx.Response) -> float | None:
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _detail(response: httpx.Response, own: Mapping[str, Any]) -> str:
    return f"{response.status_code} {own.get('code', 'no vendor body')}: {own.get('message', '')}"[:300]


def _raise_unreadable(response: httpx.Response) -> NoReturn:
    message = f"{response.status_code} with a body that cannot be read"
    raise ProviderBusy(message)
