"""Runway: pictures, edits, upscales and videos, always as tasks, through its own library.

The library would send a create three times by itself, without anything by which Runway could tell them apart, so it
is told never to (`max_retries=0`). Models are catalogue data and its types list them as literals, so that its plain
`post` and `get` are used. Source: runwayml 5.24, docs.dev.runwayml.com.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx

from app.adapters.providers.content_words import speaks_of_content
from app.adapters.providers.http import (
    ANSWER_LIMIT_SECONDS,
    NOT_SENT,
    OversizedAnswer,
    OwnError,
    VendorAnswer,
    create_refusal,
    micros,
    origin,
    read_answer,
    read_refusal,
    record,
    records,
    sentence,
    word,
)
from app.adapters.providers.links import first_linked
from app.adapters.providers.prompts import with_negative
from app.adapters.providers.route_words import in_the_words_of_the_route
from app.core.db import refuse_inside_transaction
from app.domain.ports import (
    CancelOutcome,
    Made,
    ProviderBusy,
    ProviderError,
    ProviderInvalid,
    ProviderModelGone,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRejected,
    ProviderTraits,
    ProviderUnreachable,
    Shape,
    TaskReport,
    TaskState,
    VendorInput,
    VendorRequest,
)

_CONNECT_TIMEOUT_SECONDS: Final = 5.0
# Shorter than Runway keeps idle connections: one that is closed while we send would be an unknown outcome.
_KEEPALIVE_SECONDS: Final = 2.0
_CONNECTIONS: Final = 256
# Data URIs may have 5 MB, of which the encoding takes a quarter; what is larger goes as a link.
_INLINE_BYTES: Final = 3_700_000
_INLINE_PATIENCE: Final = 4.0
_DURATION_SECONDS: Final = 5

# Ratios are sizes here. Those of Runway's own models; a route's `ratios` come first.
_IMAGE_SIZES: Final[Mapping[str, str]] = {
    "1:1": "1024:1024",
    "16:9": "1920:1080",
    "9:16": "1080:1920",
    "4:3": "1440:1080",
    "3:4": "1080:1440",
    "21:9": "2112:912",
}
_VIDEO_SIZES: Final[Mapping[str, str]] = {
    "1:1": "960:960",
    "16:9": "1280:720",
    "9:16": "720:1280",
    "4:3": "1104:832",
    "3:4": "832:1104",
    "21:9": "1584:672",
}
# Models that it resells differ in whether they know a seed.
_OWN_MODEL: Final = "gen4"

_STATES: Final[Mapping[str, TaskState]] = {
    "PENDING": TaskState.RUNNING,
    # Above our concurrency: it waits its turn.
    "THROTTLED": TaskState.RUNNING,
    "RUNNING": TaskState.RUNNING,
    "SUCCEEDED": TaskState.SUCCEEDED,
    "FAILED": TaskState.FAILED,
    "CANCELLED": TaskState.CANCELLED,
}


class RunwayProvider:
    """The Provider port. `close()` ends the connections."""

    name: Final = "runway"

    def __init__(self, *, base_url: str, api_key: str, answer_limit_seconds: float = ANSWER_LIMIT_SECONDS) -> None:
        # Some 15 MB of memory that only who sells Runway's models should pay for.
        import runwayml

        self.traits = ProviderTraits(
            finds_by_reference=False,
            refuses_known_reference=False,
            # What is running is charged, and what was pending may be running when the stop arrives.
            stops_free=False,
            # It wants to be asked about a task every five seconds at most.
            first_poll_seconds=5.0,
            longest_poll_seconds=15.0,
            downloads_from=origin(base_url),
        )
        self._answer_limit_seconds = answer_limit_seconds
        self._status_error = runwayml.APIStatusError
        self._connection_error = runwayml.APIConnectionError
        timeout = httpx.Timeout(None, connect=_CONNECT_TIMEOUT_SECONDS, pool=_CONNECT_TIMEOUT_SECONDS)
        self._client = runwayml.AsyncRunwayML(
            base_url=base_url.rstrip("/"),
            api_key=api_key,
            max_retries=0,
            timeout=timeout,
            http_client=httpx.AsyncClient(
                transport=_GuardedTransport(api_key), timeout=timeout, follow_redirects=False, trust_env=False
            ),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def shape(self, request: VendorRequest) -> Shape:  # noqa: ARG002 - the port's
        """Always a task."""
        return Shape.TASK

    async def generate(self, request: VendorRequest) -> Made:
        """Raises: ProviderInvalid, since everything is a task here."""
        message = f"{request.kind} is made in tasks only"
        raise ProviderInvalid(message)

    async def submit(self, request: VendorRequest) -> str:
        """Create a task. Raises: ProviderError."""
        path, body = _create(request)
        patience = _INLINE_PATIENCE if request.inputs else 1.0
        try:
            answer = await self._exchange(
                lambda: self._client.post(path, body=body, cast_to=httpx.Response),
                limit_seconds=self._answer_limit_seconds * patience,
            )
        except (httpx.HTTPError, TimeoutError, OversizedAnswer) as error:
            raise ProviderOutcomeUnknown(type(error).__name__) from error
        own = _own_error(answer)
        if own is not None or not answer.is_success:
            raise create_refusal(answer, own)
        task_id = word(answer.json.get("id"))
        if task_id is None:
            message = "a created task without an id"
            raise ProviderOutcomeUnknown(message)
        return task_id

    async def check(self, task_id: str) -> TaskReport:
        """Ask about a task; each answer has fresh links. Raises: ProviderError."""
        path = f"/v1/tasks/{quote(task_id, safe='')}"
        try:
            answer = await self._exchange(
                lambda: self._client.get(path, cast_to=httpx.Response), limit_seconds=self._answer_limit_seconds
            )
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderBusy(type(error).__name__) from error
        own = _own_error(answer)
        if own is not None and answer.status == 404:
            return TaskReport(TaskState.GONE)
        if own is not None or not answer.is_success:
            raise read_refusal(answer, own)
        return _report(answer.json)

    async def find(self, reference: str) -> str | None:  # noqa: ARG002 - the port's
        """None: Runway knows no reference of ours."""
        return None

    async def cancel(self, task_id: str) -> CancelOutcome:  # noqa: ARG002 - the port's
        """Too late: a stop may cost as much as the result, which it would delete."""
        return CancelOutcome.TOO_LATE

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:  # noqa: ARG002 - the port's
        """None: this vendor does not ring."""
        return None

    async def _exchange(self, send: Callable[[], Awaitable[httpx.Response]], *, limit_seconds: float) -> VendorAnswer:
        """One request, without the library's own errors. Raises: ProviderUnreachable, what went wrong on the way."""
        refuse_inside_transaction("a vendor's call")
        try:
            async with asyncio.timeout(limit_seconds):
                response = await send()
        except self._status_error as error:
            response = error.response
        except self._connection_error as error:
            cause = error.__cause__
            if isinstance(cause, NOT_SENT):
                raise ProviderUnreachable(type(cause).__name__) from cause
            if isinstance(cause, httpx.HTTPError | OversizedAnswer):
                raise cause from None
            raise
        return await read_answer(response, key=b"")


class _GuardedTransport(httpx.AsyncBaseTransport):
    """Bounds answers, which the library would read whatever their size, and takes the key out of them."""

    def __init__(self, api_key: str) -> None:
        self._key = api_key.encode()
        self._inner = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_KEEPALIVE_SECONDS), trust_env=False
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await read_answer(await self._inner.handle_async_request(request), key=self._key)
        # The body is decoded and whole by now.
        described = {"content-encoding", "content-length", "transfer-encoding"}
        headers = [(name, value) for name, value in answer.headers.multi_items() if name not in described]
        return httpx.Response(answer.status, headers=headers, content=answer.body)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _create(request: VendorRequest) -> tuple[str, dict[str, object]]:
    """The path and the body of a create. Raises: ProviderInvalid."""
    match request.kind:
        case "image" | "edit":
            body = _body(request, _IMAGE_SIZES, usual="1:1")
            if request.inputs:
                body["referenceImages"] = [{"uri": _picture_of(one)} for one in request.inputs]
            return "/v1/text_to_image", body
        case "video":
            body = {**_body(request, _VIDEO_SIZES, usual="16:9")}
            body.setdefault("duration", request.duration_seconds or _DURATION_SECONDS)
            if not request.inputs:
                return "/v1/text_to_video", body
            return "/v1/image_to_video", {**body, "promptImage": _picture_of(request.inputs[0])}
        case "upscale" if request.inputs:
            fields = in_the_words_of_the_route(request).fields
            picture = _picture_of(request.inputs[0])
            return "/v1/image_upscale", {"model": request.vendor_model, "imageUri": picture, **fields}
        case _:
            message = f"Runway has no {request.kind} of {len(request.inputs)} pictures"
            raise ProviderInvalid(message)


def _body(request: VendorRequest, sizes: Mapping[str, str], *, usual: str) -> dict[str, object]:
    words = in_the_words_of_the_route(request)
    body: dict[str, object] = {
        "model": request.vendor_model,
        "promptText": with_negative(request.prompt, request.negative_prompt),
        # It asks for one, even where the input has its own.
        "ratio": sizes.get(words.ratio or usual, words.ratio),
    }
    if request.vendor_model.startswith(_OWN_MODEL):
        body["seed"] = request.seed
    return {**body, **words.fields}


def _picture_of(one: VendorInput) -> str:
    """The picture itself where that is taken, so that Runway need not reach our store."""
    if len(one.data) > _INLINE_BYTES:
        return one.link
    return f"data:{one.mime};base64,{base64.b64encode(one.data).decode()}"


def _own_error(answer: VendorAnswer) -> OwnError | None:
    """Runway's refusal. A 5xx with nothing but an `error` could be anybody's."""
    error = answer.json.get("error")
    is_marked = "issues" in answer.json or "docUrl" in answer.json
    if answer.status < 400 or not isinstance(error, str) or (answer.status >= 500 and not is_marked):
        return None
    issues = records(answer.json.get("issues"))
    message = f"{error} {sentence(issues)}" if issues else error
    return OwnError(str(answer.status), sentence(message), _refusal_kind(answer.status, error, issues))


def _refusal_kind(status: int, error: str, issues: list[Mapping[str, Any]]) -> type[ProviderError] | None:
    if status == 404 or any(issue.get("path") == ["model"] for issue in issues):
        return ProviderModelGone
    if status != 400:
        return None
    # One status for all; there is no code either.
    said = error.lower()
    if "credit" in said:
        return ProviderOutOfMoney
    return ProviderRejected if speaks_of_content(said) else ProviderInvalid


def _report(task: Mapping[str, Any]) -> TaskReport:
    state = _STATES.get(str(task.get("status")))
    if state is None:
        message = f"a task with the unknown status {sentence(task.get('status'))}"
        raise ProviderBusy(message)
    failure_code = sentence(task.get("failureCode"))
    # Either end of the work, and the preparation of its inputs, can be stopped for safety ("Task failures").
    if state is TaskState.FAILED and "SAFETY" in failure_code.split("."):
        state = TaskState.REJECTED
    return TaskReport(
        state,
        percent=_percent(task.get("progress")),
        artifact=first_linked(task.get("output")) if state is TaskState.SUCCEEDED else None,
        # A credit is a cent ("API pricing").
        cost_micros=micros(record(task.get("cost")).get("credits")) // 100,
        detail=f"{failure_code} {sentence(task.get('failure'))}".strip(),
    )


def _percent(progress: object) -> int | None:
    if isinstance(progress, bool) or not isinstance(progress, int | float) or not 0 <= progress <= 1:
        return None
    return round(progress * 100)
