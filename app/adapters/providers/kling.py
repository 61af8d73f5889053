"""Kling: pictures, edits and videos, always as tasks.

Two of its interfaces live side by side (document-api, "API 2.0"): the newer one has the model in the path and makes
videos, the older one has it in the body and makes pictures too. A task id says which of them to ask: `text2video:87`.
"""

import base64
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from app.adapters.providers.content_words import speaks_of_content
from app.adapters.providers.http import (
    ANSWER_LIMIT_SECONDS,
    OwnError,
    VendorAnswer,
    VendorHttp,
    json_object,
    micros,
    origin,
    record,
    records,
    sentence,
    word,
)
from app.adapters.providers.prompts import with_negative
from app.adapters.providers.route_words import in_the_words_of_the_route
from app.adapters.providers.signatures import is_standard_webhook, standard_webhooks_key
from app.domain.ports import (
    Artifact,
    CancelOutcome,
    Made,
    ProviderBusy,
    ProviderError,
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
    VendorInput,
    VendorRequest,
)

# The newer interface has one address for the tasks of all models.
_TASKS: Final = "tasks"
# The older one has an address for each operation.
_OLDER: Final[Mapping[str, str]] = {
    "text2video": "v1/videos/text2video",
    "image2video": "v1/videos/image2video",
    "generations": "v1/images/generations",
    "omni": "v1/images/omni-image",
}
_OLDER_VIDEO_MODEL: Final = re.compile(r"kling-v\d")
# Models that take several pictures, named by their number in the prompt.
_OMNI_MODEL: Final = re.compile(r"omni|-o\d")
_OMNI_MARK: Final = "<<<image_{}>>>"
# A picture above this goes as a link: the older interface takes no larger one in the request itself.
_INLINE_BYTES: Final = 7 * 1024 * 1024
_DURATION_SECONDS: Final = 5
# A request that carries pictures takes longer on its way.
_INLINE_PATIENCE: Final = 4.0

_STATES: Final[Mapping[str, TaskState]] = {
    "submitted": TaskState.RUNNING,
    "processing": TaskState.RUNNING,
    "succeed": TaskState.SUCCEEDED,
    "succeeded": TaskState.SUCCEEDED,
    "failed": TaskState.FAILED,
}
_MIMES: Final[Mapping[str, str]] = {"video": "video/mp4", "image": "image/png"}

# HTTP 429 alone says nothing: an empty account has it too. The code decides ("Error codes").
_REFUSALS: Final[Mapping[int, type[ProviderError]]] = {
    **dict.fromkeys(range(1000, 1005), ProviderOutOfMoney),
    **dict.fromkeys((1100, 1101, 1102, 1304), ProviderOutOfMoney),
    1103: ProviderModelGone,
    1200: ProviderInvalid,
    1201: ProviderInvalid,
    1202: ProviderModelGone,
    1203: ProviderModelGone,
    1300: ProviderRejected,
    1301: ProviderRejected,
    1302: ProviderRateLimited,
    1303: ProviderRateLimited,
    **dict.fromkeys((5000, 5001, 5002), ProviderBusy),
}
_BAD_PARAMETERS: Final = frozenset({"1200", "1201"})
_REFERENCE_TAKEN: Final = re.compile(r"already exist|duplicat", re.IGNORECASE)
_NOT_FOUND: Final = re.compile(r"not (?:be )?found|not exist", re.IGNORECASE)


class KlingProvider:
    """The Provider port. `close()` ends the connections.

    `callback_secret` is the console's signing secret (`whsec_…`); without it no call is asked for.
    Raises: ValueError when that is no such secret.
    """

    name: Final = "kling"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        callback_secret: str | None = None,
        answer_limit_seconds: float = ANSWER_LIMIT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.traits = ProviderTraits(
            finds_by_reference=True,
            refuses_known_reference=True,
            stops_free=False,
            # Unsigned calls could be anybody's: without the secret the vendor is not asked to ring.
            rings=callback_secret is not None,
            first_poll_seconds=4.0,
            longest_poll_seconds=15.0,
            downloads_from=origin(base_url),
        )
        self._callback_key = None if callback_secret is None else standard_webhooks_key(callback_secret)
        self._answer_limit_seconds = answer_limit_seconds
        self._clock = clock
        self._http = VendorHttp(
            base_url=base_url,
            key=api_key,
            headers={"Authorization": f"Bearer {api_key}"},
            own_error=_own_error,
            answer_limit_seconds=answer_limit_seconds,
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
        """Create a task. Raises: ProviderError."""
        operation, path, body = _create(request)
        patience = _INLINE_PATIENCE if request.inputs else 1.0
        answer = await self._http.create(path, content=body, limit_seconds=self._answer_limit_seconds * patience)
        task_id = _task_id(operation, answer.json.get("data"))
        if task_id is None:
            message = "a created task without an id"
            raise ProviderOutcomeUnknown(message)
        return task_id

    async def check(self, task_id: str) -> TaskReport:
        """Ask about a task. Raises: ProviderError."""
        operation, _, number = task_id.partition(":")
        task = await self._ask(operation, number, params={"task_ids": number})
        return TaskReport(TaskState.GONE) if task is None else _report(task)

    async def find(self, reference: str) -> str | None:
        """The task behind our reference, whichever operation made it. Raises: ProviderError."""
        for operation in (_TASKS, *_OLDER):
            external_id = _external_id(operation, reference)
            task = await self._ask(operation, external_id, params={"external_task_ids": external_id})
            if task is None:
                continue
            task_id = _task_id(operation, task)
            if task_id is None:
                message = "a task without an id"
                raise ProviderBusy(message)
            return task_id
        return None

    async def cancel(self, task_id: str) -> CancelOutcome:  # noqa: ARG002 - the port's
        """Kling cannot stop a task."""
        return CancelOutcome.TOO_LATE

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The task that is news, if the signature is right; without a secret nobody is asked to call (`rings`)."""
        key = self._callback_key
        if key is not None and not is_standard_webhook(key, headers, body, now=self._clock()):
            return None
        call = json_object(body)
        if "task_id" not in call:
            return _task_id(_TASKS, call)
        # The older interface does not say which operation it speaks of; our own reference does.
        external_id = word(record(call.get("task_info")).get("external_task_id")) or ""
        operation = external_id.partition("_")[0]
        return _task_id(operation, call) if operation in _OLDER else None

    async def _ask(self, operation: str, number: str, *, params: Mapping[str, str]) -> dict[str, Any] | None:
        """A task by its id or our reference; None when there is none. Raises: ProviderError."""
        if operation == _TASKS:
            answer = await self._http.read("GET", _TASKS, params=params)
        elif operation in _OLDER:
            answer = await self._http.read("GET", f"{_OLDER[operation]}/{quote(number, safe='')}")
        else:
            return None
        if _is_not_found(answer):
            return None
        data = self._http.accepted(answer).json.get("data")
        if operation == _TASKS and isinstance(data, list):
            if not data:
                return None
            data = data[0]
        if not isinstance(data, dict):
            message = f"{answer.status} with a task that cannot be read"
            raise ProviderBusy(message)
        return data


def _create(request: VendorRequest) -> tuple[str, str, dict[str, object]]:
    """The operation, its path and its body. Raises: ProviderInvalid."""
    match request.kind:
        case "image" | "edit":
            return _picture(request)
        case "video" if _OLDER_VIDEO_MODEL.match(request.vendor_model):
            return _older_video(request)
        case "video":
            return _video(request)
        case _:
            message = f"Kling has no {request.kind}"
            raise ProviderInvalid(message)


def _video(request: VendorRequest) -> tuple[str, str, dict[str, object]]:
    words = in_the_words_of_the_route(request)
    prompt = with_negative(request.prompt, request.negative_prompt)
    settings: dict[str, object] = {"duration": request.duration_seconds or _DURATION_SECONDS}
    options: dict[str, object] = {
        "external_task_id": _external_id(_TASKS, request.reference),
        "watermark_info": {"enabled": False},
    }
    if request.callback_url:
        options["callback_url"] = request.callback_url
    model = quote(request.vendor_model, safe="")
    if request.inputs:
        contents = [
            {"type": "prompt", "text": prompt},
            {"type": "first_frame", "url": _picture_of(request.inputs[0])},
        ]
        # The ratio is the picture's own.
        settings |= words.fields
        return _TASKS, f"image-to-video/{model}", {"contents": contents, "settings": settings, "options": options}
    settings |= words.with_ratio
    return _TASKS, f"text-to-video/{model}", {"prompt": prompt, "settings": settings, "options": options}


def _older_video(request: VendorRequest) -> tuple[str, str, dict[str, object]]:
    operation = "image2video" if request.inputs else "text2video"
    words = in_the_words_of_the_route(request)
    body = {**_older_body(operation, request), "duration": str(request.duration_seconds or _DURATION_SECONDS)}
    if request.negative_prompt:
        body["negative_prompt"] = request.negative_prompt
    if request.inputs:
        body["image"] = _picture_of(request.inputs[0])
        return operation, _OLDER[operation], body | dict(words.fields)
    return operation, _OLDER[operation], body | words.with_ratio


def _picture(request: VendorRequest) -> tuple[str, str, dict[str, object]]:
    operation = "omni" if _OMNI_MODEL.search(request.vendor_model) else "generations"
    body = {**_older_body(operation, request), "n": 1}
    if operation == "omni":
        # A picture that the prompt does not name is not used.
        marks = [_OMNI_MARK.format(number + 1) for number in range(len(request.inputs))]
        body["prompt"] = " ".join((*marks, with_negative(request.prompt, request.negative_prompt)))
        body["image_list"] = [{"image": _picture_of(one)} for one in request.inputs]
    elif len(request.inputs) > 1:
        message = f"{request.vendor_model} takes one picture, not {len(request.inputs)}"
        raise ProviderInvalid(message)
    elif request.inputs:
        # With a picture, this operation knows no negative prompt.
        body["prompt"] = with_negative(request.prompt, request.negative_prompt)
        body["image"] = _picture_of(request.inputs[0])
    elif request.negative_prompt:
        body["negative_prompt"] = request.negative_prompt
    return operation, _OLDER[operation], body | in_the_words_of_the_route(request).with_ratio


def _older_body(operation: str, request: VendorRequest) -> dict[str, object]:
    body: dict[str, object] = {
        "model_name": request.vendor_model,
        "prompt": request.prompt,
        "external_task_id": _external_id(operation, request.reference),
    }
    if request.callback_url:
        body["callback_url"] = request.callback_url
    return body


def _picture_of(one: VendorInput) -> str:
    """Base64 without any prefix where that is taken, so that Kling need not reach our store."""
    return one.link if len(one.data) > _INLINE_BYTES else base64.b64encode(one.data).decode()


def _external_id(operation: str, reference: str) -> str:
    """Our reference in characters that fit into a path; unique in Kling's account, which refuses it a second time."""
    plain = reference.replace("/", "-")
    return plain if operation == _TASKS else f"{operation}_{plain}"


def _task_id(operation: str, task: object) -> str | None:
    if not isinstance(task, dict):
        return None
    number = word(task.get("id" if operation == _TASKS else "task_id"))
    return None if number is None else f"{operation}:{number}"


def _own_error(answer: VendorAnswer) -> OwnError | None:
    code = answer.json.get("code")
    if not isinstance(code, int) or code == 0 or "message" not in answer.json:
        return None
    message = sentence(answer.json["message"])
    kind = _REFUSALS.get(code)
    if str(code) in _BAD_PARAMETERS and _REFERENCE_TAKEN.search(message):
        kind = ProviderReferenceKnown
    return OwnError(str(code), message, kind)


def _is_not_found(answer: VendorAnswer) -> bool:
    own = _own_error(answer)
    if own is None:
        return False
    return own.code == "1203" or (own.code in _BAD_PARAMETERS and _NOT_FOUND.search(own.message) is not None)


def _report(task: Mapping[str, Any]) -> TaskReport:
    status = task.get("status", task.get("task_status"))
    state = _STATES.get(str(status))
    if state is None:
        message = f"a task with the unknown status {sentence(status)}"
        raise ProviderBusy(message)
    detail = sentence(task.get("message", task.get("task_status_msg")))
    # A failed task has no code, only a sentence.
    if state is TaskState.FAILED and speaks_of_content(detail):
        state = TaskState.REJECTED
    artifact = _artifact(task) if state is TaskState.SUCCEEDED else None
    return TaskReport(state, artifact=artifact, cost_micros=_cost_micros(task), detail=detail)


def _artifact(task: Mapping[str, Any]) -> Artifact | None:
    """The first picture or video of either interface; None when there is none."""
    result = record(task.get("task_result"))
    found = [(kind, one) for kind in _MIMES for one in records(result.get(f"{kind}s"))]
    found += [(str(one.get("type")), one) for one in records(task.get("outputs"))]
    for kind, one in found:
        url = word(one.get("url"))
        if url is not None and kind in _MIMES:
            return Artifact(_MIMES[kind], url=url)
    return None


def _cost_micros(task: Mapping[str, Any]) -> int:
    """What was paid in dollars; units of a bought pack have no price that Kling says."""
    return sum(
        micros(charge.get("amount"))
        for charge in records(task.get("billing"))
        if charge.get("charge_type") == "cash" and charge.get("currency") == "USD"
    )
