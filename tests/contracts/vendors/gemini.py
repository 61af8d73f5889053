"""The Gemini API, in the literal bodies of its facts file."""

import base64
from collections.abc import Sequence

from app.adapters.providers.gemini import GeminiProvider
from app.domain.ports import (
    Artifact,
    ProviderBusy,
    ProviderFailed,
    ProviderInvalid,
    ProviderModelGone,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderRejected,
    TaskReport,
    TaskState,
    VendorInput,
    VendorRequest,
)
from tests.contracts.vendors.frame import (
    KEY,
    OVERSIZED,
    Answer,
    Broken,
    Check,
    Linked,
    Operation,
    Refusal,
    Unsettled,
    VendorCase,
)
from tests.contracts.vendors.google_calls import GOOGLE_CALLS
from tests.fakes import PICTURE

_VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 40
_BASE64 = base64.b64encode(PICTURE).decode()
_INPUT = VendorInput(b"input", "image/png", "https://files.test/input.png")
_INPUT_BASE64 = base64.b64encode(b"input").decode()
_HEADERS = {"x-goog-api-key": KEY, "content-type": "application/json"}

_IMAGE = VendorRequest(
    kind="image",
    vendor_model="gemini-nano-banana-2.1",
    prompt="a green sky",
    negative_prompt=None,
    aspect_ratio="9:16",
    seed=7,
    reference="0192/0/1",
    parameters={"imageSize": "2K"},
)
_EDIT = VendorRequest(
    kind="edit",
    vendor_model="gemini-nano-banana-2.1",
    prompt="make the sky green",
    negative_prompt="clouds",
    aspect_ratio="auto",
    seed=7,
    reference="0192/0/1",
    inputs=(_INPUT, _INPUT),
)
_VIDEO_FROM_TEXT = VendorRequest(
    kind="video",
    vendor_model="gemini-omni-1.1-flash",
    prompt="slow pan, waves",
    negative_prompt=None,
    aspect_ratio="9:16",
    seed=7,
    reference="0192/0/1",
    duration_seconds=5,
    parameters={"resolution": "720p"},
)
_VIDEO_FROM_IMAGE = VendorRequest(
    kind="video",
    vendor_model="gemini-omni-1.1-flash",
    prompt="slow pan, waves",
    negative_prompt=None,
    aspect_ratio="9:16",
    seed=7,
    reference="0192/0/1",
    inputs=(_INPUT,),
    duration_seconds=5,
    parameters={"resolution": "720p"},
    callback_url="https://app.example/hooks/gemini",
)

_GENERATE = "POST /v1/models/gemini-nano-banana-2.1:generateContent"
_CREATED = Answer({"id": "v1_abc", "status": "queued"})
_ASKED = "GET /v1/interactions/v1_abc"
_FILE = "GET /v1/files/xyz?alt=media"


def _candidate(**candidate: object) -> dict[str, object]:
    return {
        "candidates": [{"index": 0, **candidate}],
        "usageMetadata": {"promptTokenCount": 270, "candidatesTokenCount": 1290, "totalTokenCount": 1560},
        "modelVersion": "gemini-nano-banana-2.1",
        "responseId": "r1",
    }


_SUCCESS = Answer(
    _candidate(
        finishReason="STOP",
        content={
            "role": "model",
            "parts": [
                {"text": "Here you are"},
                {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"a draft").decode()}},
                {"inlineData": {"mimeType": "image/png", "data": _BASE64}},
                {"thought": True, "inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"idea").decode()}},
            ],
        },
    )
)


def _interaction_body(content: list[object], task: str) -> dict[str, object]:
    return {
        "model": "gemini-omni-1.1-flash",
        "background": True,
        "store": True,
        "input": [{"type": "user_input", "content": [*content, {"type": "text", "text": "slow pan, waves"}]}],
        "response_format": {
            "type": "video",
            "aspect_ratio": "9:16",
            "duration": "5s",
            "resolution": "720p",
            "delivery": "uri",
        },
        "generation_config": {"video_config": {"task": task}},
    }


def _error(code: int, status: str, message: str, details: Sequence[object] | None = None) -> dict[str, object]:
    more = {} if details is None else {"details": details}
    return {"error": {"code": code, "status": status, "message": message, **more}}


def _quota(quota: str) -> dict[str, object]:
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": quota, "quotaMetric": "x"}],
    }


_RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.4s"}


def _refusals() -> tuple[Refusal, ...]:
    per_day = [_quota("GenerateRequestsPerDayPerProjectPerModel"), _RETRY_INFO]
    per_minute = [_quota("GenerateRequestsPerMinutePerProjectPerModel"), _RETRY_INFO]
    bad_key = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    exhausted = "RESOURCE_EXHAUSTED"
    return (
        Refusal("invalid", Answer(_error(400, "INVALID_ARGUMENT", "aspect ratio is wrong"), 400), ProviderInvalid),
        Refusal("region", Answer(_error(400, "FAILED_PRECONDITION", "enable billing"), 400), ProviderOutOfMoney),
        Refusal("bad-key", Answer(_error(400, "INVALID_ARGUMENT", "bad key", bad_key), 400), ProviderOutOfMoney),
        Refusal("no-key", Answer(_error(401, "UNAUTHENTICATED", "no key"), 401), ProviderOutOfMoney),
        Refusal("forbidden", Answer(_error(403, "PERMISSION_DENIED", "not you"), 403), ProviderOutOfMoney),
        Refusal("model-gone", Answer(_error(404, "NOT_FOUND", "model is no longer available"), 404), ProviderModelGone),
        Refusal(
            "model-gone-interactions",
            Answer({"error": {"code": "not_found", "message": "no longer available"}}, 404),
            ProviderModelGone,
        ),
        Refusal(
            "rate", Answer(_error(429, exhausted, "Quota exceeded ...", per_minute), 429), ProviderRateLimited, 12.4
        ),
        Refusal("rate-bare", Answer(_error(429, exhausted, "Quota exceeded ..."), 429), ProviderRateLimited),
        Refusal(
            "rate-header",
            Answer(_error(429, exhausted, "Quota exceeded ..."), 429, {"Retry-After": "9"}),
            ProviderRateLimited,
            9.0,
        ),
        Refusal(
            "rate-a-day", Answer(_error(429, exhausted, "Quota exceeded ...", per_day), 429), ProviderOutOfMoney, 12.4
        ),
        Refusal("internal", Answer(_error(500, "INTERNAL", "An internal error"), 500), ProviderBusy),
        Refusal("overloaded", Answer(_error(503, "UNAVAILABLE", "The model is overloaded"), 503), ProviderBusy),
        # Its gateway's word, in its own shape all the same: it may be drawing.
        Refusal("deadline", Answer(_error(504, "DEADLINE_EXCEEDED", "too late"), 504), ProviderOutcomeUnknown),
    )


def _blocked(reason: str) -> dict[str, object]:
    return {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 9}}


def _empty() -> tuple[Refusal, ...]:
    words = {"role": "model", "parts": [{"text": "I cannot draw this"}]}
    thought = {"role": "model", "parts": [{"thought": True, "inlineData": {"mimeType": "image/png", "data": _BASE64}}]}
    unreadable = {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": "*"}}]}
    return (
        Refusal("prompt-blocked", Answer(_blocked("PROHIBITED_CONTENT")), ProviderRejected),
        Refusal("prompt-blocked-no-list", Answer({**_blocked("SAFETY"), "candidates": []}), ProviderRejected),
        *(
            Refusal(reason, Answer(_candidate(finishReason=reason)), ProviderRejected)
            for reason in ("SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_RECITATION", "SPII")
        ),
        *(
            Refusal(reason, Answer(_candidate(finishReason=reason)), ProviderFailed)
            for reason in ("NO_IMAGE", "IMAGE_OTHER", "MALFORMED_RESPONSE", "MAX_TOKENS")
        ),
        Refusal("words-only", Answer(_candidate(finishReason="STOP", content=words)), ProviderFailed),
        Refusal("thoughts-only", Answer(_candidate(finishReason="STOP", content=thought)), ProviderFailed),
        Refusal("unreadable", Answer(_candidate(finishReason="STOP", content=unreadable)), ProviderOutcomeUnknown),
    )


def _completed(uri: str = "https://generativelanguage.googleapis.com/v1/files/xyz") -> Answer:
    content = [{"type": "video", "mime_type": "video/mp4", "uri": uri}]
    steps = [{"type": "model_output", "content": content}]
    return Answer({"id": "v1_abc", "status": "completed", "steps": steps, "usage": {"total_tokens": 5800}})


def _status(status: str, **more: object) -> Answer:
    return Answer({"id": "v1_abc", "status": status, **more})


def _checks() -> tuple[Check, ...]:
    made = TaskReport(TaskState.SUCCEEDED, artifact=Artifact("video/mp4", data=_VIDEO))
    moved = TaskReport(TaskState.SUCCEEDED, artifact=Artifact("video/mp4", url="https://cdn.test/v.mp4"))
    failure = [{"code": "https://errors.test/internal", "message": "something broke"}]
    unsafe = [{"type": "model_output", "error": {"code": 3, "message": "blocked for safety reasons"}}]
    gone = Answer({"error": {"code": "not_found", "message": "Interaction not found"}}, 404)
    movie = Answer(_VIDEO, headers={"Content-Type": "video/mp4"})
    return (
        Check("queued", "v1_abc", {_ASKED: _status("queued")}, TaskReport(TaskState.RUNNING)),
        Check("in-progress", "v1_abc", {_ASKED: _status("in_progress")}, TaskReport(TaskState.RUNNING)),
        Check("completed", "v1_abc", {_ASKED: _completed(), _FILE: movie}, made),
        Check(
            "completed-elsewhere",
            "v1_abc",
            {_ASKED: _completed(), _FILE: Answer(b"", 302, {"Location": "https://cdn.test/v.mp4"})},
            moved,
        ),
        Check(
            "completed-in-an-older-version",
            "v1_abc",
            {
                _ASKED: _completed("https://generativelanguage.googleapis.com/v1beta/files/xyz:download?alt=media"),
                _FILE.replace("/v1/", "/v1beta/"): Answer(b"", 302, {"Location": "https://cdn.test/v.mp4"}),
            },
            moved,
        ),
        Check(
            "completed-at-no-file",
            "v1_abc",
            {_ASKED: _completed("https://elsewhere.test/secrets")},
            TaskReport(TaskState.SUCCEEDED),
        ),
        Check(
            "completed-without-media",
            "v1_abc",
            {_ASKED: _status("completed", steps=[], usage={"total_tokens": 0})},
            TaskReport(TaskState.SUCCEEDED),
        ),
        Check(
            "failed",
            "v1_abc",
            {_ASKED: _status("failed", errors=failure)},
            TaskReport(TaskState.FAILED, detail="https://errors.test/internal something broke"),
        ),
        Check(
            "rejected",
            "v1_abc",
            {_ASKED: _status("failed", steps=unsafe)},
            TaskReport(TaskState.REJECTED, detail="3 blocked for safety reasons"),
        ),
        Check(
            "completed-with-too-much",
            "v1_abc",
            {_ASKED: _completed(), _FILE: OVERSIZED},
            TaskReport(TaskState.FAILED, detail="a result of more than 104857600 bytes"),
        ),
        Check("cancelled", "v1_abc", {_ASKED: _status("cancelled")}, TaskReport(TaskState.CANCELLED)),
        Check("out-of-budget", "v1_abc", {_ASKED: _status("budget_exceeded")}, TaskReport(TaskState.FAILED)),
        Check("gone", "v1_abc", {_ASKED: gone}, TaskReport(TaskState.GONE)),
    )


def _unsettled() -> tuple[Unsettled, ...]:
    """Reports come before the file that they name is active, and its answer is then about the file."""
    not_active = {"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": "the file is not ACTIVE"}}
    metadata = {"name": "files/xyz", "state": "PROCESSING"}
    return (
        Unsettled("file-refused", "v1_abc", {_ASKED: _completed(), _FILE: Answer(not_active, 400)}),
        Unsettled("file-missing", "v1_abc", {_ASKED: _completed(), _FILE: Answer(b"", 404)}),
        Unsettled("file-described", "v1_abc", {_ASKED: _completed(), _FILE: Answer(metadata)}),
        Unsettled("file-away", "v1_abc", {_ASKED: _completed(), _FILE: Broken.RESET}),
        Unsettled("word-of-tomorrow", "v1_abc", {_ASKED: _status("pondering")}),
    )


GEMINI = VendorCase(
    name="gemini",
    open=lambda url, limit: GeminiProvider(
        base_url=url,
        api_key=KEY,
        call_limit_seconds=limit,
        answer_limit_seconds=limit,
        download_limit_seconds=limit,
    ),
    operations=(
        Operation(
            "image",
            _IMAGE,
            _GENERATE,
            _SUCCESS,
            _HEADERS,
            body={
                "contents": [{"role": "user", "parts": [{"text": "a green sky"}]}],
                "generationConfig": {
                    "responseModalities": ["IMAGE"],
                    "imageConfig": {"aspectRatio": "9:16", "imageSize": "2K"},
                },
                "store": False,
            },
            made=Artifact("image/png", data=PICTURE),
        ),
        Operation(
            "edit",
            _EDIT,
            _GENERATE,
            _SUCCESS,
            _HEADERS,
            body={
                "contents": [
                    {
                        "role": "user",
                        "parts": [
                            {"inlineData": {"mimeType": "image/png", "data": _INPUT_BASE64}},
                            {"inlineData": {"mimeType": "image/png", "data": _INPUT_BASE64}},
                            {"text": "make the sky green\n\nAvoid: clouds"},
                        ],
                    }
                ],
                "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {}},
                "store": False,
            },
            made=Artifact("image/png", data=PICTURE),
        ),
        Operation(
            "video-from-text",
            _VIDEO_FROM_TEXT,
            "POST /v1/interactions",
            _CREATED,
            _HEADERS,
            body=_interaction_body([], "text_to_video"),
            task_id="v1_abc",
        ),
        Operation(
            "video-from-image",
            _VIDEO_FROM_IMAGE,
            "POST /v1/interactions",
            _CREATED,
            _HEADERS,
            body={
                **_interaction_body(
                    [{"type": "image", "mime_type": "image/png", "data": _INPUT_BASE64}], "image_to_video"
                ),
                "webhook_config": {
                    "uris": ["https://app.example/hooks/gemini"],
                    "user_metadata": {"job": "0192/0/1"},
                },
            },
            task_id="v1_abc",
        ),
    ),
    refusals=_refusals(),
    checks=_checks(),
    unsettled=_unsettled(),
    empty=_empty(),
    calls=GOOGLE_CALLS,
    linked=Linked(lambda url: {_ASKED: _completed(), _FILE: Answer(b"", 302, {"Location": url})}, task_id="v1_abc"),
)
