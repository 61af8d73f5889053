"""Google's Gemini API: pictures and edits at once (generateContent), videos as tasks (Interactions API).

Wire facts: ai.google.dev/gemini-api/docs, image-generation, interactions and video/omni, as of November 2026.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urljoin

from app.adapters.download import MAX_BYTES
from app.adapters.providers.content_words import speaks_of_content
from app.adapters.providers.fitting import fitted
from app.adapters.providers.google_calls import GoogleCalls
from app.adapters.providers.http import (
    ANSWER_LIMIT_SECONDS,
    PICTURE_ANSWER_BYTES,
    OversizedAnswer,
    OwnError,
    VendorAnswer,
    VendorHttp,
    json_object,
    origin,
    record,
    records,
    seconds,
    sentence,
    word,
)
from app.adapters.providers.inline import decoded
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

# A request with its pictures inside may have 20 MB, four bytes in base64 for three; the rest is for the words.
_INLINE_BYTES: Final = 19_000_000 // 4 * 3
_DOWNLOAD_LIMIT_SECONDS: Final = 120.0

_REFUSALS: Final[Mapping[str, type[ProviderError]]] = {
    "INVALID_ARGUMENT": ProviderInvalid,
    # Region or billing: nothing that another request could mend.
    "FAILED_PRECONDITION": ProviderOutOfMoney,
    "UNAUTHENTICATED": ProviderOutOfMoney,
    "PERMISSION_DENIED": ProviderOutOfMoney,
    "NOT_FOUND": ProviderModelGone,
    "RESOURCE_EXHAUSTED": ProviderRateLimited,
    "INTERNAL": ProviderBusy,
    "UNAVAILABLE": ProviderBusy,
}
_BAD_KEY_REASON: Final = "API_KEY_INVALID"

# The picture was made or begun, and its content refused. Every other reason without a picture is a plain failure.
_REFUSED_CONTENT: Final = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "RECITATION",
        "IMAGE_RECITATION",
        "BLOCKLIST",
        "SPII",
        "LANGUAGE",
        "MODEL_ARMOR",
    }
)

_STATES: Final[Mapping[str, TaskState]] = {
    "queued": TaskState.RUNNING,
    "in_progress": TaskState.RUNNING,
    "completed": TaskState.SUCCEEDED,
    "failed": TaskState.FAILED,
    "cancelled": TaskState.CANCELLED,
    # It stopped in the middle and waits for an answer that nobody will give.
    "requires_action": TaskState.FAILED,
    "requires_continuation": TaskState.FAILED,
    "incomplete": TaskState.FAILED,
    "budget_exceeded": TaskState.FAILED,
}
_INTERACTION_EVENTS: Final = "interaction."
_FILE: Final = re.compile(r"/(v1\w*/files/[\w.-]+?)(?::download)?(?:\?|$)")


class GeminiProvider:
    """The Provider port over the Gemini API. Keeps connections open; `close()` ends them."""

    name: Final = "gemini"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        call_limit_seconds: float = 120.0,
        answer_limit_seconds: float = ANSWER_LIMIT_SECONDS,
        download_limit_seconds: float = _DOWNLOAD_LIMIT_SECONDS,
    ) -> None:
        """Three bounds: of calls that carry pictures, of fetching a finished video, and of all else."""
        self.traits = ProviderTraits(
            finds_by_reference=False,
            refuses_known_reference=False,
            stops_free=False,
            first_poll_seconds=10.0,
            longest_poll_seconds=15.0,
            downloads_from=origin(base_url),
            rings=True,
        )
        self._base_url = base_url.rstrip("/")
        self._call_limit_seconds = call_limit_seconds
        self._download_limit_seconds = download_limit_seconds
        self._http = VendorHttp(
            base_url=base_url,
            key=api_key,
            headers={"x-goog-api-key": api_key},
            own_error=_own_error,
            answer_limit_seconds=answer_limit_seconds,
        )
        self._calls = GoogleCalls(self._http)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def shape(self, request: VendorRequest) -> Shape:
        """Videos are tasks."""
        return Shape.TASK if request.kind == "video" else Shape.NOW

    async def generate(self, request: VendorRequest) -> Made:
        """Make a picture at once. The vendor does not say what it costs. Raises: ProviderError."""
        if request.kind not in {"image", "edit"}:
            message = f"gemini makes no {request.kind} at once"
            raise ProviderInvalid(message)
        request = await _with_small_inputs(request)
        answer = await self._http.create(
            f"v1/models/{quote(request.vendor_model, safe='')}:generateContent",
            content=_content_body(request),
            limit_seconds=self._call_limit_seconds,
            max_bytes=PICTURE_ANSWER_BYTES,
        )
        return Made(_picture(answer.json), cost_micros=0)

    async def submit(self, request: VendorRequest) -> str:
        """Begin a video. Raises: ProviderError."""
        if request.kind != "video":
            message = f"gemini makes no {request.kind} as a task"
            raise ProviderInvalid(message)
        request = await _with_small_inputs(request)
        # Pictures in the request may take longer on their way than an answer takes to come.
        limit_seconds = self._call_limit_seconds if request.inputs else None
        answer = await self._http.create(
            "v1/interactions", content=_interaction_body(request), limit_seconds=limit_seconds
        )
        task_id = word(answer.json.get("id"))
        if task_id is None:
            message = "an interaction without an id"
            raise ProviderOutcomeUnknown(message)
        return task_id

    async def check(self, task_id: str) -> TaskReport:
        """Ask about a video; a finished one is fetched here, since its file opens to our key alone.

        Raises: ProviderError.
        """
        answer = await self._http.read("GET", f"v1/interactions/{quote(task_id, safe='')}")
        own = _own_error(answer)
        if own is not None and own.kind is ProviderModelGone:
            return TaskReport(TaskState.GONE)
        interaction = self._http.accepted(answer).json
        state = _STATES.get(str(interaction.get("status")))
        if state is None:
            message = f"an interaction with the unknown status {sentence(interaction.get('status'))}"
            raise ProviderBusy(message)
        if state is TaskState.SUCCEEDED:
            return await self._finished(interaction)
        detail = _failure(interaction)
        # How a refusal of content looks here is not documented, so its words decide.
        if state is TaskState.FAILED and speaks_of_content(detail):
            state = TaskState.REJECTED
        return TaskReport(state, detail=detail)

    async def find(self, reference: str) -> str | None:  # noqa: ARG002 - the port's
        """None: the vendor cannot be asked by our reference."""
        return None

    async def cancel(self, task_id: str) -> CancelOutcome:  # noqa: ARG002 - the port's
        """Too late: the vendor does not say that what it stops is free."""
        return CancelOutcome.TOO_LATE

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The interaction that a signed call is about."""
        if not await self._calls.is_genuine(headers):
            return None
        event = json_object(body)
        if not str(event.get("type")).startswith(_INTERACTION_EVENTS):
            return None
        return word(record(event.get("data")).get("id"))

    async def _finished(self, interaction: Mapping[str, Any]) -> TaskReport:
        video = _video(interaction)
        path = _FILE.search(str(video.get("uri"))) if video else None
        if video is None or path is None:
            return TaskReport(TaskState.SUCCEEDED, detail=_failure(interaction))
        mime = str(video.get("mime_type", ""))
        try:
            # Of the uri only the path is taken: our key goes to the configured host and nowhere else.
            file = await self._http.read(
                "GET",
                path[1],
                params={"alt": "media"},
                limit_seconds=self._download_limit_seconds,
                max_bytes=MAX_BYTES,
            )
        except OversizedAnswer as error:
            return TaskReport(TaskState.FAILED, detail=f"a result of {error}")
        elsewhere = word(file.headers.get("Location"))
        if elsewhere is not None and 300 <= file.status < 400:
            # Fetched by the Downloader, which goes to public addresses only and has no key to lose.
            return TaskReport(
                TaskState.SUCCEEDED, artifact=Artifact(mime, url=urljoin(f"{self._base_url}/", elsewhere))
            )
        if file.status != 200 or file.json:
            # A file can be announced before it is active. The video is made and paid: it is asked for again.
            message = f"{file.status} for the file of a finished video"
            raise ProviderBusy(message)
        return TaskReport(TaskState.SUCCEEDED, artifact=Artifact(mime, data=file.body))


async def _with_small_inputs(request: VendorRequest) -> VendorRequest:
    """With inputs that the vendor takes inside of a request. Raises: ProviderInvalid."""
    return replace(request, inputs=await fitted(request.inputs, total_bytes=_INLINE_BYTES))


def _content_body(request: VendorRequest) -> dict[str, object]:
    words = in_the_words_of_the_route(request, ratio_field="aspectRatio")
    pictures = [{"inlineData": {"mimeType": mime, "data": data}} for mime, data in _inline(request)]
    return {
        "contents": [
            {"role": "user", "parts": [*pictures, {"text": with_negative(request.prompt, request.negative_prompt)}]}
        ],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": words.with_ratio},
        # New projects keep prompts and pictures unless they are told not to.
        "store": False,
    }


def _interaction_body(request: VendorRequest) -> dict[str, object]:
    words = in_the_words_of_the_route(request)
    pictures = [{"type": "image", "mime_type": mime, "data": data} for mime, data in _inline(request)]
    duration = {} if request.duration_seconds is None else {"duration": f"{request.duration_seconds}s"}
    task = "reference_to_video" if len(pictures) > 1 else "image_to_video" if pictures else "text_to_video"
    return {
        "model": request.vendor_model,
        "background": True,
        # Demanded by `background`.
        "store": True,
        "input": [
            {
                "type": "user_input",
                "content": [
                    *pictures,
                    {"type": "text", "text": with_negative(request.prompt, request.negative_prompt)},
                ],
            }
        ],
        "response_format": {"type": "video", **words.with_ratio, **duration, "delivery": "uri"},
        "generation_config": {"video_config": {"task": task}},
        **_doorbell(request),
    }


def _doorbell(request: VendorRequest) -> dict[str, object]:
    if request.callback_url is None:
        return {}
    return {"webhook_config": {"uris": [request.callback_url], "user_metadata": {"job": request.reference}}}


def _inline(request: VendorRequest) -> list[tuple[str, str]]:
    """The inputs for a request's body."""
    return [(picture.mime, base64.b64encode(picture.data).decode()) for picture in request.inputs]


def _picture(body: Mapping[str, Any]) -> Artifact:
    """The picture of an answer, which is "200 OK" for refusals too. Raises: ProviderError."""
    feedback = record(body.get("promptFeedback"))
    if feedback.get("blockReason"):
        message = f"prompt: {sentence(feedback['blockReason'])}"
        raise ProviderRejected(message)
    candidates = body.get("candidates")
    if not isinstance(candidates, list) or not candidates:
        message = "an answer that cannot be read"
        raise ProviderOutcomeUnknown(message)
    candidate = record(candidates[0])
    reason = str(candidate.get("finishReason"))
    if reason in _REFUSED_CONTENT:
        message = f"{reason}: {sentence(candidate.get('finishMessage'))}"
        raise ProviderRejected(message)
    parts = [part for part in records(record(candidate.get("content")).get("parts")) if not part.get("thought")]
    pictures = [record(part["inlineData"]) for part in parts if "inlineData" in part]
    if not pictures:
        said = " ".join(str(part.get("text", "")) for part in parts)
        message = f"no picture, {sentence(reason)}: {sentence(said)}"
        raise ProviderFailed(message)
    # The last: the ones before it can be drafts.
    return Artifact(str(pictures[-1].get("mimeType", "")), data=decoded(pictures[-1].get("data")))


def _video(interaction: Mapping[str, Any]) -> Mapping[str, Any] | None:
    videos = [
        content
        for step in records(interaction.get("steps"))
        if step.get("type") == "model_output"
        for content in records(step.get("content"))
        if content.get("type") == "video"
    ]
    return videos[-1] if videos else None


def _failure(interaction: Mapping[str, Any]) -> str:
    """What the vendor says went wrong, on the interaction or on its steps."""
    errors = [
        *records(interaction.get("errors")),
        *(record(step.get("error")) for step in records(interaction.get("steps"))),
    ]
    said = "; ".join(f"{error.get('code', '')} {error.get('message', '')}" for error in errors if error)
    return sentence(said)


def _own_error(answer: VendorAnswer) -> OwnError | None:
    error = record(answer.json.get("error"))
    if answer.is_success or not isinstance(error.get("message"), str) or not ({"status", "code"} & error.keys()):
        return None
    details = records(error.get("details"))
    code = str(error.get("status") or error.get("code"))
    return OwnError(
        sentence(code),
        sentence(error["message"]),
        _kind(answer.status, code, details),
        retry_after_seconds=_retry_delay(details),
    )


def _kind(status: int, code: str, details: list[Mapping[str, Any]]) -> type[ProviderError] | None:
    if any(detail.get("reason") == _BAD_KEY_REASON for detail in details):
        return ProviderOutOfMoney
    quotas = [violation.get("quotaId") for detail in details for violation in records(detail.get("violations"))]
    if any("PerDay" in str(quota) for quota in quotas):
        # Nothing more until midnight on the Pacific: waiting a minute is no use, other routes are.
        return ProviderOutOfMoney
    return _REFUSALS.get(code) or (ProviderModelGone if status == 404 else None)


def _retry_delay(details: list[Mapping[str, Any]]) -> float | None:
    """The patience that RetryInfo asks for, written as "12.4s"."""
    delays = [detail["retryDelay"] for detail in details if isinstance(detail.get("retryDelay"), str)]
    return seconds(delays[0].removesuffix("s")) if delays else None
