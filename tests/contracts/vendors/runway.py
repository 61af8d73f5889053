"""The Runway API, in the literal bodies of its facts file; the requests are those of its own library."""

import base64
from dataclasses import replace

from app.adapters.providers.runway import RunwayProvider
from app.domain.ports import (
    Artifact,
    Provider,
    ProviderBusy,
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
from tests.contracts.vendors.frame import KEY, Answer, Check, Linked, Operation, Refusal, Script, VendorCase

_HEADERS = {
    "authorization": f"Bearer {KEY}",
    "content-type": "application/json",
    "x-runway-version": "2024-11-06",
    "x-stainless-retry-count": "0",
}
_LINK = "https://cdn.example/a.png"
_INPUT = VendorInput(b"input", "image/png", _LINK)
_LARGE_INPUT = VendorInput(b"x" * 3_700_001, "image/png", _LINK)
_DATA_URI = f"data:image/png;base64,{base64.b64encode(b'input').decode()}"
TASK = "17f20503-6c24-4c16-946b-35dbbce2af2f"
ASKED = f"GET /v1/tasks/{TASK}"
RESULT = "https://dnznrvs05pmza.cloudfront.test/x.mp4?_jwt=1.2.png"

VIDEO = VendorRequest(
    kind="video",
    vendor_model="gen4_turbo",
    prompt="slow zoom",
    negative_prompt=None,
    aspect_ratio="16:9",
    seed=7,
    reference="0192/0/1",
    inputs=(_LARGE_INPUT,),
    duration_seconds=5,
)
_VIDEO_FROM_SMALL = replace(VIDEO, inputs=(_INPUT,), aspect_ratio="auto", negative_prompt="people")
_VIDEO_FROM_TEXT = replace(VIDEO, vendor_model="gen4.5", inputs=(), aspect_ratio="9:16", duration_seconds=10)
_RESOLD_VIDEO = replace(
    _VIDEO_FROM_TEXT,
    vendor_model="kling3.0_pro",
    parameters={"ratios": {"9:16": "1080:1920"}, "audio": False},
)
_IMAGE = replace(VIDEO, kind="image", vendor_model="gen4_image", inputs=(), duration_seconds=None)
_EDIT = replace(_IMAGE, kind="edit", inputs=(_INPUT, _LARGE_INPUT), aspect_ratio="1:1")
_UPSCALE = replace(
    _EDIT,
    kind="upscale",
    vendor_model="magnific_precision_upscaler_v2",
    inputs=(_INPUT,),
    parameters={"scaleFactor": 2},
)

_CREATED = Answer({"id": TASK})
_ESTIMATED = Answer({"id": TASK, "estimatedCost": {"credits": 25}})


def _operation(name: str, request: VendorRequest, path: str, body: dict[str, object], answer: Answer) -> Operation:
    return Operation(name, request, f"POST /v1/{path}", answer, _HEADERS, body=body, task_id=TASK)


_OPERATIONS = (
    _operation(
        "video-from-text",
        _VIDEO_FROM_TEXT,
        "text_to_video",
        {"model": "gen4.5", "promptText": "slow zoom", "ratio": "720:1280", "duration": 10, "seed": 7},
        _ESTIMATED,
    ),
    _operation(
        "video-from-image",
        VIDEO,
        "image_to_video",
        {
            "model": "gen4_turbo",
            "promptImage": _LINK,
            "promptText": "slow zoom",
            "ratio": "1280:720",
            "duration": 5,
            "seed": 7,
        },
        _CREATED,
    ),
    _operation(
        "video-from-small-image",
        _VIDEO_FROM_SMALL,
        "image_to_video",
        {
            "model": "gen4_turbo",
            "promptImage": _DATA_URI,
            "promptText": "slow zoom\n\nAvoid: people",
            "ratio": "1280:720",
            "duration": 5,
            "seed": 7,
        },
        _CREATED,
    ),
    _operation(
        "resold-video",
        _RESOLD_VIDEO,
        "text_to_video",
        {"model": "kling3.0_pro", "promptText": "slow zoom", "ratio": "1080:1920", "duration": 10, "audio": False},
        _ESTIMATED,
    ),
    _operation(
        "image",
        _IMAGE,
        "text_to_image",
        {"model": "gen4_image", "promptText": "slow zoom", "ratio": "1920:1080", "seed": 7},
        _CREATED,
    ),
    _operation(
        "edit",
        _EDIT,
        "text_to_image",
        {
            "model": "gen4_image",
            "promptText": "slow zoom",
            "ratio": "1024:1024",
            "seed": 7,
            "referenceImages": [{"uri": _DATA_URI}, {"uri": _LINK}],
        },
        _CREATED,
    ),
    _operation(
        "upscale",
        _UPSCALE,
        "image_upscale",
        {"model": "magnific_precision_upscaler_v2", "imageUri": _DATA_URI, "scaleFactor": 2},
        _CREATED,
    ),
)


def refused(status: int, error: str, issues: list[object] | None = None, *, retry_after: str = "") -> Answer:
    headers = {"Retry-After": retry_after} if retry_after else {}
    return Answer({"error": error} if issues is None else {"error": error, "issues": issues}, status, headers)


_NO_MODEL = {"code": "invalid_union_discriminator", "path": ["model"], "message": "Invalid discriminator value"}
_NO_RATIO = {"code": "invalid_enum_value", "path": ["ratio"], "message": "Invalid enum value"}
_REFUSALS = (
    Refusal("invalid", refused(400, "Validation of body failed", [_NO_RATIO]), ProviderInvalid),
    Refusal("model-gone", refused(400, "Validation of body failed", [_NO_MODEL]), ProviderModelGone),
    Refusal("path-gone", refused(404, "Not found"), ProviderModelGone),
    Refusal("no-credits", refused(400, "You do not have enough credits to run this task."), ProviderOutOfMoney),
    Refusal("content", refused(400, "The prompt did not pass our content moderation"), ProviderRejected),
    Refusal("bad-key", refused(401, "The API key is invalid"), ProviderOutOfMoney),
    Refusal("no-right", refused(403, "This key may not do that"), ProviderOutOfMoney),
    Refusal("no-such-method", refused(405, "Method not allowed"), ProviderInvalid),
    Refusal("too-many-today", refused(429, "Too many generations"), ProviderRateLimited),
    Refusal(
        "too-many-now",
        refused(429, "Too many requests", retry_after="17"),
        ProviderRateLimited,
        retry_after_seconds=17.0,
    ),
    Refusal("unavailable", refused(503, "Service is unavailable", []), ProviderBusy),
    Refusal("of-unknown-origin", refused(503, "Service is unavailable"), ProviderOutcomeUnknown),
    Refusal("gateway", refused(502, "Bad gateway", []), ProviderOutcomeUnknown),
    Refusal("gateway-time-out", refused(504, "Gateway time-out", []), ProviderOutcomeUnknown),
)


def task(status: str, **more: object) -> Answer:
    return Answer({"id": TASK, "status": status, "createdAt": "2026-11-01T10:00:00Z", **more})


def _check(name: str, answer: Answer, report: TaskReport) -> Check:
    return Check(name, TASK, {ASKED: answer}, report)


def _failed(name: str, code: str, state: TaskState, *, paid: int = 0) -> Check:
    answer = task("FAILED", failure="(internal text)", failureCode=code, cost={"credits": paid})
    return _check(name, answer, TaskReport(state, cost_micros=paid * 10_000, detail=f"{code} (internal text)"))


_RUNNING = task("RUNNING", progress=0.4, estimatedCost={"credits": 25})
_CHECKS = (
    _check("pending", task("PENDING", estimatedCost={"credits": 25}), TaskReport(TaskState.RUNNING)),
    _check("throttled", task("THROTTLED", estimatedCost={"credits": 25}), TaskReport(TaskState.RUNNING)),
    _check("running", _RUNNING, TaskReport(TaskState.RUNNING, percent=40)),
    _check("running-somehow", task("RUNNING", progress="half"), TaskReport(TaskState.RUNNING)),
    _check(
        "succeeded",
        task("SUCCEEDED", output=[RESULT], cost={"credits": 25}),
        TaskReport(TaskState.SUCCEEDED, artifact=Artifact("video/mp4", url=RESULT), cost_micros=250_000),
    ),
    _check(
        "without-media",
        task("SUCCEEDED", output=[], cost={"credits": 25}),
        TaskReport(TaskState.SUCCEEDED, cost_micros=250_000),
    ),
    _check("without-output", task("SUCCEEDED"), TaskReport(TaskState.SUCCEEDED)),
    _check("cancelled", task("CANCELLED", cost={"credits": 0}), TaskReport(TaskState.CANCELLED)),
    _failed("refused-input", "SAFETY.INPUT.TEXT", TaskState.REJECTED),
    _failed("refused-output", "SAFETY.OUTPUT.VIDEO", TaskState.REJECTED, paid=25),
    _failed("refused-preparing", "INPUT_PREPROCESSING.SAFETY.TEXT", TaskState.REJECTED),
    _failed("bad-output", "INTERNAL.BAD_OUTPUT.CODE01", TaskState.FAILED),
    _failed("bad-input", "ASSET.INVALID", TaskState.FAILED),
    _check("gone", refused(404, "Task not found"), TaskReport(TaskState.GONE)),
)


def _open(url: str, limit_seconds: float) -> Provider:
    return RunwayProvider(base_url=url, api_key=KEY, answer_limit_seconds=limit_seconds)


def _linked(url: str) -> Script:
    return {ASKED: task("SUCCEEDED", output=[url], cost={"credits": 25})}


RUNWAY = VendorCase(
    name="runway",
    open=_open,
    operations=_OPERATIONS,
    refusals=_REFUSALS,
    checks=_CHECKS,
    linked=Linked(_linked, task_id=TASK),
)
