"""Kie.ai, a reseller of many makers' models: pictures, edits, upscales and videos, all as market jobs.

It often refuses with HTTP 200 and a code in the body, so that the code alone decides. Inputs go as links, which it
fetches from our store. There is no search by our own reference and no way to stop a job (docs.kie.ai, "Market").
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.adapters.providers.content_words import speaks_of_content
from app.adapters.providers.http import (
    ANSWER_LIMIT_SECONDS,
    OwnError,
    VendorAnswer,
    VendorHttp,
    json_object,
    origin,
    record,
    sentence,
    whole,
    word,
)
from app.adapters.providers.links import first_linked
from app.adapters.providers.pace import Pace
from app.adapters.providers.prompts import with_negative
from app.adapters.providers.route_words import in_the_words_of_the_route
from app.adapters.providers.signatures import is_signed_task
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

# "20 new requests per 10 seconds", an account; what is above is refused, not queued.
_CREATES: Final = 20
_CREATES_WINDOW_SECONDS: Final = 10.0
# A job that was just made may not be known everywhere yet.
_MISSING_SECONDS: Final = 60.0
_MISSING_REMEMBERED: Final = 1_000
_DURATION_SECONDS: Final = 5
_UPSCALE_FACTOR: Final = "2"

_STATES: Final[Mapping[str, TaskState]] = {
    "waiting": TaskState.RUNNING,
    "queuing": TaskState.RUNNING,
    "generating": TaskState.RUNNING,
    "success": TaskState.SUCCEEDED,
    "fail": TaskState.FAILED,
}

# By the code in the body; 433 is the limit of a sub-key, 505 a feature that was switched off.
_REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    "400": ProviderInvalid,
    "401": ProviderOutOfMoney,
    "402": ProviderOutOfMoney,
    "404": ProviderModelGone,
    "408": ProviderBusy,
    "422": ProviderInvalid,
    "429": ProviderRateLimited,
    "433": ProviderOutOfMoney,
    "451": ProviderInvalid,
    "455": ProviderBusy,
    "500": ProviderBusy,
    "501": ProviderFailed,
    "505": ProviderModelGone,
}
_SUCCESS: Final = "200"
_UNREADABLE: Final = frozenset({"400", "422"})
_NO_SUCH_MODEL: Final = re.compile(r"model name .*not supported", re.IGNORECASE)
_NO_SUCH_JOB: Final = re.compile(r"record ?info is null", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Dialect:
    """A maker's names for the same things; one that ends in `_url` takes a single link. Routes may overrule both."""

    inputs_field: str = "image_urls"
    ratio_field: str = "aspect_ratio"
    has_whole_seconds: bool = False


# By the beginning of the model's name; the first that fits ("Market", one page a model).
_DIALECTS: Final[Mapping[str, _Dialect]] = {
    "nano-banana": _Dialect(inputs_field="image_input"),
    "google/nano-banana": _Dialect(ratio_field="image_size"),
    "flux-2/": _Dialect(inputs_field="input_urls"),
    "bytedance/seedance-": _Dialect(inputs_field="first_frame_url", has_whole_seconds=True),
    "bytedance/seedream-v4": _Dialect(ratio_field="image_size"),
    "topaz/": _Dialect(inputs_field="image_url"),
}
_USUAL_DIALECT: Final = _Dialect()


class KieProvider:
    """The Provider port. `close()` ends the connections.

    `callback_key` is the HMAC key of the console; without it no call is asked for.
    """

    name: Final = "kie"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        callback_key: str | None = None,
        answer_limit_seconds: float = ANSWER_LIMIT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.traits = ProviderTraits(
            finds_by_reference=False,
            refuses_known_reference=False,
            stops_free=False,
            # Unsigned calls could be anybody's: without the secret the vendor is not asked to ring.
            rings=callback_key is not None,
            first_poll_seconds=3.0,
            longest_poll_seconds=15.0,
            downloads_from=origin(base_url),
        )
        self._callback_key = callback_key
        self._clock = clock
        self._missing_since: OrderedDict[str, float] = OrderedDict()
        self._http = VendorHttp(
            base_url=f"{base_url.rstrip('/')}/api/v1/jobs",
            key=api_key,
            headers={"Authorization": f"Bearer {api_key}"},
            own_error=_own_error,
            answer_limit_seconds=answer_limit_seconds,
            pace=Pace(limit=_CREATES, window_seconds=_CREATES_WINDOW_SECONDS),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def shape(self, request: VendorRequest) -> Shape:  # noqa: ARG002 - the port's
        """Always a task."""
        return Shape.TASK

    async def generate(self, request: VendorRequest) -> Made:
        """Raises: ProviderInvalid, since everything is a task here."""
        message = f"{request.kind} is made in tasks only"
        raise ProviderInvalid(message)

    async def submit(self, request: VendorRequest) -> str:
        """Create a job. Raises: ProviderError."""
        body: dict[str, object] = {"model": request.vendor_model, "input": _input(request)}
        if request.callback_url:
            body["callBackUrl"] = request.callback_url
        answer = await self._http.create("createTask", content=body)
        task_id = word(record(answer.json.get("data")).get("taskId"))
        if task_id is None:
            message = "a created job without an id"
            raise ProviderOutcomeUnknown(message)
        return task_id

    async def check(self, task_id: str) -> TaskReport:
        """Ask about a job. Raises: ProviderError."""
        answer = await self._http.read("GET", "recordInfo", params={"taskId": task_id})
        if _is_not_found(answer):
            return TaskReport(self._missing(task_id))
        job = self._http.accepted(answer).json.get("data")
        if not isinstance(job, dict):
            message = f"{answer.status} with a job that cannot be read"
            raise ProviderBusy(message)
        self._missing_since.pop(task_id, None)
        return _report(job)

    async def find(self, reference: str) -> str | None:  # noqa: ARG002 - the port's
        """None: Kie knows no reference of ours."""
        return None

    async def cancel(self, task_id: str) -> CancelOutcome:  # noqa: ARG002 - the port's
        """Kie cannot stop a job."""
        return CancelOutcome.TOO_LATE

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The job that is news, if the signature is right. It signs the id; without a key, `rings` is off."""
        data = record(json_object(body).get("data"))
        task_id = word(data.get("taskId", data.get("task_id")))
        if task_id is None or self._callback_key is None:
            return task_id
        is_signed = is_signed_task(
            self._callback_key,
            task_id,
            stamp=headers.get("x-webhook-timestamp", ""),
            signature=headers.get("x-webhook-signature", ""),
            now=self._clock(),
        )
        return task_id if is_signed else None

    def _missing(self, task_id: str) -> TaskState:
        """A job that Kie does not know: gone only when this process has seen it missing for a while."""
        now = self._clock()
        since = self._missing_since.setdefault(task_id, now)
        if now - since >= _MISSING_SECONDS:
            del self._missing_since[task_id]
            return TaskState.GONE
        if len(self._missing_since) > _MISSING_REMEMBERED:
            self._missing_since.popitem(last=False)
        return TaskState.RUNNING


def _input(request: VendorRequest) -> dict[str, object]:
    """A job's `input`, in the words of its model. Raises: ProviderInvalid."""
    dialect = next((own for name, own in _DIALECTS.items() if request.vendor_model.startswith(name)), _USUAL_DIALECT)
    words = in_the_words_of_the_route(request, ratio_field=dialect.ratio_field, inputs_field=dialect.inputs_field)
    links = _links(words.inputs_field, request)
    prompt = {"prompt": with_negative(request.prompt, request.negative_prompt)}
    match request.kind:
        case "image" | "edit":
            return {**prompt, **links, **words.with_ratio}
        case "video":
            seconds = request.duration_seconds or _DURATION_SECONDS
            duration = {"duration": seconds if dialect.has_whole_seconds else str(seconds)}
            # From a picture, the ratio is the picture's own.
            return {**prompt, **links, **duration, **(words.fields if request.inputs else words.with_ratio)}
        case "upscale":
            return {**links, "upscale_factor": _UPSCALE_FACTOR, **words.fields}
        case _:
            message = f"Kie has no {request.kind}"
            raise ProviderInvalid(message)


def _links(field: str, request: VendorRequest) -> dict[str, object]:
    links = [one.link for one in request.inputs]
    if not links:
        return {}
    if not field.endswith("_url"):
        return {field: links}
    if len(links) > 1:
        message = f"{request.vendor_model} takes one picture, not {len(links)}"
        raise ProviderInvalid(message)
    return {field: links[0]}


def _own_error(answer: VendorAnswer) -> OwnError | None:
    code = answer.json.get("code")
    if not isinstance(code, int) or "msg" not in answer.json or str(code) == _SUCCESS:
        return None
    message = sentence(answer.json["msg"])
    kind = _REFUSALS.get(str(code))
    if str(code) in _UNREADABLE and _NO_SUCH_MODEL.search(message):
        kind = ProviderModelGone
    elif str(code) in _UNREADABLE and speaks_of_content(message):
        kind = ProviderRejected
    return OwnError(str(code), message, kind)


def _is_not_found(answer: VendorAnswer) -> bool:
    own = _own_error(answer)
    return own is not None and (own.code == "404" or _NO_SUCH_JOB.search(own.message) is not None)


def _report(job: Mapping[str, Any]) -> TaskReport:
    state = _STATES.get(str(job.get("state")))
    if state is None:
        message = f"a job in the unknown state {sentence(job.get('state'))}"
        raise ProviderBusy(message)
    detail = sentence(job.get("failMsg"))
    # There is no code for refused content, only the maker's sentence.
    if state is TaskState.FAILED and speaks_of_content(detail):
        state = TaskState.REJECTED
    artifact = _artifact(job.get("resultJson")) if state is TaskState.SUCCEEDED else None
    return TaskReport(state, percent=whole(job.get("progress")), artifact=artifact, detail=detail)


def _artifact(written: object) -> Artifact | None:
    """The first link of a result, which is JSON inside of a string; None when there is none."""
    if not isinstance(written, str):
        return None
    return first_linked(json_object(written.encode(errors="replace")).get("resultUrls"))
