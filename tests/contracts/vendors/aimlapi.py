"""AI/ML API, in the literal bodies of its facts file."""

from dataclasses import replace

from app.adapters.providers.aimlapi import AimlapiProvider
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
from tests.contracts.vendors.frame import KEY, Answer, Check, Linked, Operation, Refusal, VendorCase

_INPUT = VendorInput(b"input", "image/png", "https://cdn.example/a.png")
_HEADERS = {
    "authorization": f"Bearer {KEY}",
    "content-type": "application/json",
    # Our reference, in the characters that the vendor does not drop.
    "x-client-request-id": "0192:0:1",
}

_IMAGE = VendorRequest(
    kind="image",
    vendor_model="google/gemini-2.5-flash-image",
    prompt="a hat",
    negative_prompt="rain",
    aspect_ratio="1:1",
    seed=7,
    reference="0192/0/1",
)
_EDIT = replace(
    _IMAGE,
    kind="edit",
    vendor_model="google/nano-banana-edit",
    prompt="put a hat on it",
    negative_prompt=None,
    inputs=(_INPUT,),
)
_ONE_INPUT_EDIT = replace(
    _EDIT,
    vendor_model="bytedance/seedream-edit",
    aspect_ratio="3:4",
    parameters={
        "inputs_field": "image_url",
        "ratio_field": "image_size",
        "ratios": {"3:4": "portrait_4_3"},
        "provider": "auto",
    },
)
_VIDEO = VendorRequest(
    kind="video",
    vendor_model="google/veo-3.1-i2v",
    prompt="slow pan",
    negative_prompt=None,
    aspect_ratio="16:9",
    seed=7,
    reference="0192/0/1",
    duration_seconds=8,
    parameters={"resolution": "720p", "generate_audio": True},
)

_MADE = Artifact("", url="https://cdn.aimlapi.com/generations/..png")
_IMAGES = "POST /v1/images/generations"
_SUCCESS = Answer(
    {
        "data": [{"url": "https://cdn.aimlapi.com/generations/..png", "b64_json": None}],
        "meta": {"usage": {"credits_used": 81900, "usd_spent": 0.04}},
    }
)
_VIDEOS = "POST /v2/video/generations"
_TASK_ID = "abc:google/veo-3.1-i2v"
_CREATED = Answer({"id": _TASK_ID, "status": "queued"})
ASKED = "GET /v2/video/generations?generation_id=abc%3Agoogle%2Fveo-3.1-i2v"
_VIDEO_BODY = {
    "model": "google/veo-3.1-i2v",
    "prompt": "slow pan",
    "aspect_ratio": "16:9",
    "duration": 8,
    "resolution": "720p",
    "generate_audio": True,
}


def _error(message: object) -> dict[str, object]:
    return {"statusCode": 0, "path": "/v1/images/generations", "requestId": "r-1", "message": message}


def task(status: str, **more: object) -> Answer:
    return Answer({"id": _TASK_ID, "status": status, **more})


def _checks() -> tuple[Check, ...]:
    video = {"url": "https://cdn.aimlapi.com/generations/x.mp4"}
    made = Artifact("video/mp4", url="https://cdn.aimlapi.com/generations/x.mp4")
    usage = {"usage": {"credits_used": 6000000}}
    paid = {"usage": {"credits_used": 6000000, "usd_spent": "1.25"}}
    return (
        *(
            Check(status, _TASK_ID, {ASKED: task(status)}, TaskReport(TaskState.RUNNING))
            for status in ("queued", "generating", "waiting", "a word of tomorrow")
        ),
        Check(
            "completed",
            _TASK_ID,
            {ASKED: task("completed", video=video, meta=usage)},
            TaskReport(TaskState.SUCCEEDED, artifact=made),
        ),
        Check(
            "completed-with-its-price",
            _TASK_ID,
            {ASKED: task("completed", video=video, meta=paid)},
            TaskReport(TaskState.SUCCEEDED, artifact=made, cost_micros=1_250_000),
        ),
        Check(
            "completed-without-media",
            _TASK_ID,
            {ASKED: task("completed", video=None)},
            TaskReport(TaskState.SUCCEEDED),
        ),
        Check(
            "rejected",
            _TASK_ID,
            {ASKED: task("error", error={"name": "Bad Request", "message": "content policy"})},
            TaskReport(TaskState.REJECTED, detail="Bad Request: content policy"),
        ),
        Check(
            "failed",
            _TASK_ID,
            {ASKED: task("error", error={"name": "Internal", "message": "no worker"})},
            TaskReport(TaskState.FAILED, detail="Internal: no worker"),
        ),
        Check("gone", _TASK_ID, {ASKED: Answer(_error("Generation not found"), 404)}, TaskReport(TaskState.GONE)),
    )


AIMLAPI = VendorCase(
    name="aimlapi",
    open=lambda url, limit: AimlapiProvider(
        base_url=url, api_key=KEY, call_limit_seconds=limit, answer_limit_seconds=limit
    ),
    operations=(
        Operation(
            "image",
            _IMAGE,
            _IMAGES,
            _SUCCESS,
            _HEADERS,
            body={
                "model": "google/gemini-2.5-flash-image",
                "prompt": "a hat\n\nAvoid: rain",
                "num_images": 1,
                "aspect_ratio": "1:1",
            },
            made=_MADE,
            cost_micros=40_000,
        ),
        Operation(
            "edit",
            _EDIT,
            _IMAGES,
            _SUCCESS,
            _HEADERS,
            body={
                "model": "google/nano-banana-edit",
                "prompt": "put a hat on it",
                "image_urls": ["https://cdn.example/a.png"],
                "num_images": 1,
                "aspect_ratio": "1:1",
            },
            made=_MADE,
            cost_micros=40_000,
        ),
        Operation(
            "edit-in-the-words-of-another-model",
            _ONE_INPUT_EDIT,
            _IMAGES,
            Answer({"data": [{"url": None, "b64_json": "cGljdHVyZQ=="}]}, headers={"x-aimlapi-usd-spent": "0.02"}),
            _HEADERS,
            body={
                "model": "bytedance/seedream-edit",
                "prompt": "put a hat on it",
                "image_url": "https://cdn.example/a.png",
                "num_images": 1,
                "image_size": "portrait_4_3",
                "provider": "auto",
            },
            made=Artifact("", data=b"picture"),
            cost_micros=20_000,
        ),
        Operation("video-from-text", _VIDEO, _VIDEOS, _CREATED, _HEADERS, body=_VIDEO_BODY, task_id=_TASK_ID),
        Operation(
            "video-from-image",
            replace(_VIDEO, inputs=(_INPUT,)),
            _VIDEOS,
            _CREATED,
            _HEADERS,
            body={**_VIDEO_BODY, "image_url": "https://cdn.example/a.png"},
            task_id=_TASK_ID,
        ),
    ),
    refusals=(
        Refusal("invalid", Answer(_error("aspect_ratio is not allowed"), 400), ProviderInvalid),
        Refusal("invalid-list", Answer(_error(["prompt must be a string"]), 400), ProviderInvalid),
        Refusal("rejected", Answer(_error("refused by the content policy"), 400), ProviderRejected),
        Refusal("bad-key", Answer(_error("Unauthorized: wrong key"), 401), ProviderOutOfMoney),
        Refusal("out-of-money", Answer(_error("You have run out of credits"), 403), ProviderOutOfMoney),
        Refusal("model-gone", Answer(_error("Model not found: x"), 404), ProviderModelGone),
        Refusal("rate", Answer(_error("Too many requests"), 429), ProviderRateLimited),
        Refusal("rate-bare", Answer(b"", 429, {"Retry-After": "7"}), ProviderRateLimited, 7.0),
        Refusal("internal", Answer(_error("Internal server error"), 500), ProviderBusy),
        Refusal("unavailable", Answer(_error("No upstream now"), 503), ProviderBusy),
        Refusal("gateway", Answer(_error("Bad gateway upstream"), 502), ProviderOutcomeUnknown),
    ),
    checks=_checks(),
    empty=(
        Refusal("no-list", Answer({"meta": {}}), ProviderOutcomeUnknown),
        Refusal("empty-list", Answer({"data": []}), ProviderFailed),
        Refusal("no-link", Answer({"data": [{"url": None, "b64_json": None}]}), ProviderFailed),
        Refusal("unreadable", Answer({"data": [{"b64_json": "*"}]}), ProviderOutcomeUnknown),
    ),
    linked=Linked(lambda url: {_IMAGES: Answer({"data": [{"url": url}]})}, operation="image"),
)
