"""The demo vendor: an HTTP service in the sandbox that makes pictures and short videos, in both shapes.

Treated like any other vendor, and the shortest of them to read.
"""

import binascii
from collections.abc import Mapping
from typing import Any, Final

from app.adapters.providers.http import (
    ANSWER_LIMIT_SECONDS,
    PICTURE_ANSWER_BYTES,
    OwnError,
    VendorAnswer,
    VendorHttp,
    origin,
    sentence,
    whole,
    word,
)
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
    Shape,
    TaskReport,
    TaskState,
    VendorRequest,
)

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


class DemoProvider:
    """The Provider port over `{base_url}/v1`. Keeps connections open; `close()` ends them."""

    name: Final = "demo"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        call_limit_seconds: float = 120.0,
        answer_limit_seconds: float = ANSWER_LIMIT_SECONDS,
    ) -> None:
        """`call_limit_seconds` bounds an at-once call, answered when the picture is done; the other limit all else."""
        self.traits = ProviderTraits(
            finds_by_reference=True,
            refuses_known_reference=True,
            stops_free=True,
            first_poll_seconds=1.0,
            longest_poll_seconds=5.0,
            downloads_from=origin(base_url),
        )
        self._call_limit_seconds = call_limit_seconds
        self._http = VendorHttp(
            base_url=f"{base_url.rstrip('/')}/v1",
            key=api_key,
            headers={"Authorization": f"Bearer {api_key}"},
            own_error=_own_error,
            answer_limit_seconds=answer_limit_seconds,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def shape(self, request: VendorRequest) -> Shape:
        """A task, unless the prompt says `[now]`."""
        return Shape.NOW if _AT_ONCE_DIRECTIVE in request.prompt.lower() else Shape.TASK

    async def generate(self, request: VendorRequest) -> Made:
        """Make it at once. Raises: ProviderError."""
        field = "video" if request.kind == "video" else "image"
        answer = await self._http.create(
            f"{field}s",
            content=_body(request),
            limit_seconds=self._call_limit_seconds,
            max_bytes=PICTURE_ANSWER_BYTES,
        )
        try:
            data = binascii.a2b_base64(answer.json[field], strict_mode=True)
            return Made(Artifact(str(answer.json["mime"]), data=data), int(answer.json["cost_micros"]))
        except (KeyError, TypeError, ValueError) as error:
            message = f"a made {field} that cannot be read"
            raise ProviderOutcomeUnknown(message) from error

    async def submit(self, request: VendorRequest) -> str:
        """Create a task. Raises: ProviderError."""
        answer = await self._http.create("tasks", content=_body(request))
        task_id = word(answer.json.get("id"))
        if task_id is None:
            message = "a created task without an id"
            raise ProviderOutcomeUnknown(message)
        return task_id

    async def check(self, task_id: str) -> TaskReport:
        """Ask about a task. Raises: ProviderError."""
        answer = await self._http.read("GET", f"tasks/{task_id}")
        if _code(answer) == "not_found":
            return TaskReport(TaskState.GONE)
        return _report(self._http.accepted(answer).json)

    async def find(self, reference: str) -> str | None:
        """The task behind our reference, if the vendor has one. Raises: ProviderError."""
        answer = await self._http.read("GET", "tasks", params={"reference": reference})
        if _code(answer) == "not_found":
            return None
        task_id = word(self._http.accepted(answer).json.get("id"))
        if task_id is None:
            message = f"{answer.status} with a body that cannot be read"
            raise ProviderBusy(message)
        return task_id

    async def cancel(self, task_id: str) -> CancelOutcome:
        """Stop a task. Raises: ProviderError."""
        answer = await self._http.read("POST", f"tasks/{task_id}/cancel")
        if _code(answer) in {"finished", "not_found"}:
            return CancelOutcome.TOO_LATE
        body = self._http.accepted(answer).json
        # Only where the vendor says both is the stop worth a return of the credits.
        stopped_free = body.get("status") == "cancelled" and body.get("charged") is False
        return CancelOutcome.STOPPED if stopped_free else CancelOutcome.TOO_LATE

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:  # noqa: ARG002 - the port's
        """None: this vendor does not ring."""
        return None


def _body(request: VendorRequest) -> dict[str, object]:
    body: dict[str, object] = {
        "kind": request.kind,
        "model": request.vendor_model,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "reference": request.reference,
        "aspect_ratio": request.aspect_ratio,
        "seed": request.seed,
        "inputs": [binascii.b2a_base64(given.data, newline=False).decode() for given in request.inputs],
    }
    if request.duration_seconds is not None:
        body["duration_seconds"] = request.duration_seconds
    return body


def _own_error(answer: VendorAnswer) -> OwnError | None:
    error = answer.json.get("error")
    if answer.is_success or not isinstance(error, dict) or not isinstance(error.get("code"), str):
        return None
    code = error["code"]
    return OwnError(code, sentence(error.get("message")), _REFUSALS.get(code), task_id=word(error.get("task_id")))


def _code(answer: VendorAnswer) -> str | None:
    own = _own_error(answer)
    return own.code if own else None


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
        percent=whole(body.get("percent")),
        queue_position=whole(body.get("queue_position")),
        artifact=artifact,
        cost_micros=whole(body.get("cost_micros")) or 0,
        detail=str(error.get("message", "")) if isinstance(error, dict) else "",
    )
