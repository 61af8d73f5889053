"""AI/ML API (aimlapi.com), a market of others' models: pictures and edits at once, videos as tasks.

Wire facts: the source of docs.aimlapi.com, as of August 2026. The fields of a picture differ from model to model, so
that a route's parameters name them.
"""

from collections.abc import Mapping
from typing import Any, Final

from app.adapters.providers.content_words import speaks_of_content
from app.adapters.providers.http import (
    ANSWER_LIMIT_SECONDS,
    PICTURE_ANSWER_BYTES,
    OwnError,
    VendorAnswer,
    VendorHttp,
    micros,
    origin,
    record,
    records,
    sentence,
    word,
)
from app.adapters.providers.inline import decoded
from app.adapters.providers.pace import Pace
from app.adapters.providers.prompts import with_negative
from app.adapters.providers.route_words import in_the_words_of_the_route
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
    ProviderRejected,
    ProviderTraits,
    Shape,
    TaskReport,
    TaskState,
    VendorRequest,
)

# The vendor publishes no limit and sends no Retry-After, so that a burst of ours is smoothed by a number of our own.
_CREATES: Final = 30
_WINDOW_SECONDS: Final = 10.0

_REFUSALS: Final[Mapping[int, type[ProviderError]]] = {
    400: ProviderInvalid,
    401: ProviderOutOfMoney,
    # "Run out of credits", never moderation.
    403: ProviderOutOfMoney,
    404: ProviderModelGone,
    422: ProviderInvalid,
    429: ProviderRateLimited,
    500: ProviderBusy,
    503: ProviderBusy,
}


class AimlapiProvider:
    """The Provider port over AI/ML API. Keeps connections open; `close()` ends them."""

    name: Final = "aimlapi"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        call_limit_seconds: float = 120.0,
        answer_limit_seconds: float = ANSWER_LIMIT_SECONDS,
    ) -> None:
        """`call_limit_seconds` bounds what carries pictures in a call; the other limit all else."""
        self.traits = ProviderTraits(
            finds_by_reference=False,
            refuses_known_reference=False,
            stops_free=False,
            first_poll_seconds=10.0,
            longest_poll_seconds=15.0,
            downloads_from=origin(base_url),
        )
        self._call_limit_seconds = call_limit_seconds
        self._http = VendorHttp(
            base_url=base_url,
            key=api_key,
            headers={"Authorization": f"Bearer {api_key}"},
            own_error=_own_error,
            answer_limit_seconds=answer_limit_seconds,
            pace=Pace(limit=_CREATES, window_seconds=_WINDOW_SECONDS),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def shape(self, request: VendorRequest) -> Shape:
        """Videos are tasks."""
        return Shape.TASK if request.kind == "video" else Shape.NOW

    async def generate(self, request: VendorRequest) -> Made:
        """Make a picture at once. Raises: ProviderError."""
        if request.kind not in {"image", "edit"}:
            message = f"aimlapi makes no {request.kind} at once"
            raise ProviderInvalid(message)
        answer = await self._http.create(
            "v1/images/generations",
            content={**_body(request, inputs_field="image_urls"), "num_images": 1},
            headers=_correlation(request),
            limit_seconds=self._call_limit_seconds,
            max_bytes=PICTURE_ANSWER_BYTES,
        )
        return Made(_picture(answer.json), _cost_micros(answer))

    async def submit(self, request: VendorRequest) -> str:
        """Begin a video. Raises: ProviderError."""
        if request.kind != "video":
            message = f"aimlapi makes no {request.kind} as a task"
            raise ProviderInvalid(message)
        duration = {} if request.duration_seconds is None else {"duration": request.duration_seconds}
        answer = await self._http.create(
            "v2/video/generations",
            content={**_body(request, inputs_field="image_url"), **duration},
            headers=_correlation(request),
        )
        task_id = word(answer.json.get("id"))
        if task_id is None:
            message = "a created video without an id"
            raise ProviderOutcomeUnknown(message)
        return task_id

    async def check(self, task_id: str) -> TaskReport:
        """Ask about a video. Raises: ProviderError."""
        answer = await self._http.read("GET", "v2/video/generations", params={"generation_id": task_id})
        own = _own_error(answer)
        if own is not None and own.kind is ProviderModelGone:
            return TaskReport(TaskState.GONE)
        return _report(self._http.accepted(answer))

    async def find(self, reference: str) -> str | None:  # noqa: ARG002 - the port's
        """None: the vendor cannot be asked by our reference."""
        return None

    async def cancel(self, task_id: str) -> CancelOutcome:  # noqa: ARG002 - the port's
        """Too late: the vendor has no cancellation."""
        return CancelOutcome.TOO_LATE

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:  # noqa: ARG002 - the port's
        """None: this vendor does not ring."""
        return None


def _body(request: VendorRequest, *, inputs_field: str) -> dict[str, object]:
    words = in_the_words_of_the_route(request, inputs_field=inputs_field)
    links = [picture.link for picture in request.inputs]
    inputs: dict[str, object] = {}
    if links:
        # `image_urls` takes a list, `image_url` one.
        takes_many = words.inputs_field.endswith("s")
        if not takes_many and len(links) > 1:
            message = "the model takes one input"
            raise ProviderInvalid(message)
        inputs = {words.inputs_field: links if takes_many else links[0]}
    return {
        "model": request.vendor_model,
        "prompt": with_negative(request.prompt, request.negative_prompt),
        **inputs,
        **words.with_ratio,
    }


def _correlation(request: VendorRequest) -> dict[str, str]:
    """Our reference for the vendor's support; it is no idempotency key, and one with other characters is dropped."""
    return {"X-Client-Request-Id": request.reference.replace("/", ":")}


def _picture(body: Mapping[str, Any]) -> Artifact:
    if not isinstance(body.get("data"), list):
        message = "an answer that cannot be read"
        raise ProviderOutcomeUnknown(message)
    pictures = records(body["data"])
    first = pictures[0] if pictures else {}
    url = word(first.get("url"))
    if url is not None:
        return Artifact("", url=url)
    if first.get("b64_json"):
        return Artifact("", data=decoded(first["b64_json"]))
    message = "a success without a picture"
    raise ProviderFailed(message)


def _report(answer: VendorAnswer) -> TaskReport:
    task = answer.json
    status = word(task.get("status"))
    if status is None:
        message = "a video without a status"
        raise ProviderBusy(message)
    cost_micros = _cost_micros(answer)
    if status == "completed":
        url = word(record(task.get("video")).get("url"))
        artifact = None if url is None else Artifact("video/mp4", url=url)
        return TaskReport(TaskState.SUCCEEDED, artifact=artifact, cost_micros=cost_micros)
    if status == "error":
        error = record(task.get("error"))
        detail = sentence(f"{error.get('name', '')}: {error.get('message', '')}")
        state = TaskState.REJECTED if speaks_of_content(detail) else TaskState.FAILED
        return TaskReport(state, cost_micros=cost_micros, detail=detail)
    # Older and newer words for the same: waiting, active, queued, generating.
    return TaskReport(TaskState.RUNNING)


def _cost_micros(answer: VendorAnswer) -> int:
    """What the vendor says it took; 0 where it says it in its own credits alone."""
    usage = record(record(answer.json.get("meta")).get("usage"))
    return micros(usage.get("usd_spent")) or micros(answer.headers.get("x-aimlapi-usd-spent"))


def _own_error(answer: VendorAnswer) -> OwnError | None:
    body = answer.json
    is_own = isinstance(body.get("message"), str | list) and ({"path", "requestId"} & body.keys())
    if answer.is_success or not is_own:
        return None
    message = sentence(body["message"])
    kind = _REFUSALS.get(answer.status)
    if kind is ProviderInvalid and speaks_of_content(message):
        kind = ProviderRejected
    return OwnError(sentence(body.get("error")) or "error", message, kind)
