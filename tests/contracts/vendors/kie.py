"""Kie.ai's market jobs, in the literal bodies of its facts file."""

import json
from dataclasses import replace

from app.adapters.providers.kie import KieProvider
from app.domain.ports import (
    Artifact,
    Provider,
    ProviderBusy,
    ProviderFailed,
    ProviderInvalid,
    ProviderModelGone,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderRejected,
    TaskReport,
    TaskState,
    VendorInput,
    VendorRequest,
)
from tests.contracts.vendors.frame import KEY, Answer, Call, Check, Linked, Operation, Refusal, Script, VendorCase

_HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
_INPUT = VendorInput(b"input", "image/png", "https://cdn.example/a.png")
_CALLBACK = "https://app.example/hooks/kie/x"
RESULT = "https://tempfile.example/x.png"

IMAGE = VendorRequest(
    kind="image",
    vendor_model="nano-banana-2",
    prompt="a cat astronaut",
    negative_prompt=None,
    aspect_ratio="9:16",
    seed=7,
    reference="0192/0/1",
    parameters={"resolution": "2K", "output_format": "png"},
    callback_url=_CALLBACK,
)
_EDIT = replace(IMAGE, kind="edit", inputs=(_INPUT,) * 4, negative_prompt="dogs", callback_url=None)
_GOOGLE_EDIT = replace(_EDIT, vendor_model="google/nano-banana-edit", inputs=(_INPUT,), parameters={})
_FLUX_EDIT = replace(_EDIT, vendor_model="flux-2/pro-image-to-image", aspect_ratio="auto", parameters={})
_SEEDREAM = replace(IMAGE, vendor_model="seedream/4.5-text-to-image", parameters={"quality": "basic"})
_VIDEO = replace(
    IMAGE,
    kind="video",
    vendor_model="kling-3.0/video",
    duration_seconds=5,
    parameters={"mode": "std", "sound": False, "multi_shots": False},
    callback_url=None,
)
_VIDEO_FROM_IMAGE = replace(_VIDEO, inputs=(_INPUT,))
_SEEDANCE = replace(_VIDEO, vendor_model="bytedance/seedance-2", inputs=(_INPUT,), parameters={"resolution": "720p"})
_UPSCALE = replace(IMAGE, kind="upscale", vendor_model="topaz/image-upscale", inputs=(_INPUT,), parameters={})

CREATE = "POST /api/v1/jobs/createTask"
CREATED = Answer({"code": 200, "msg": "success", "data": {"taskId": "281e"}})
ASKED = "GET /api/v1/jobs/recordInfo?taskId=281e"


def _operation(name: str, request: VendorRequest, sent: dict[str, object]) -> Operation:
    body = {"model": request.vendor_model, "input": sent}
    if request.callback_url:
        body["callBackUrl"] = request.callback_url
    return Operation(name, request, CREATE, CREATED, _HEADERS, body=body, task_id="281e")


_LINKS = ["https://cdn.example/a.png"]
_AVOIDING = "a cat astronaut\n\nAvoid: dogs"
_OPERATIONS = (
    _operation(
        "image",
        IMAGE,
        {"prompt": "a cat astronaut", "aspect_ratio": "9:16", "resolution": "2K", "output_format": "png"},
    ),
    _operation(
        "edit",
        _EDIT,
        {
            "prompt": _AVOIDING,
            "image_input": _LINKS * 4,
            "aspect_ratio": "9:16",
            "resolution": "2K",
            "output_format": "png",
        },
    ),
    _operation("google-edit", _GOOGLE_EDIT, {"prompt": _AVOIDING, "image_urls": _LINKS, "image_size": "9:16"}),
    _operation("flux-edit", _FLUX_EDIT, {"prompt": _AVOIDING, "input_urls": _LINKS * 4}),
    _operation("seedream", _SEEDREAM, {"prompt": "a cat astronaut", "aspect_ratio": "9:16", "quality": "basic"}),
    _operation(
        "video-from-text",
        _VIDEO,
        {
            "prompt": "a cat astronaut",
            "aspect_ratio": "9:16",
            "duration": "5",
            "mode": "std",
            "sound": False,
            "multi_shots": False,
        },
    ),
    _operation(
        "video-from-image",
        _VIDEO_FROM_IMAGE,
        {
            "prompt": "a cat astronaut",
            "image_urls": _LINKS,
            "duration": "5",
            "mode": "std",
            "sound": False,
            "multi_shots": False,
        },
    ),
    _operation(
        "seedance",
        _SEEDANCE,
        {"prompt": "a cat astronaut", "first_frame_url": _LINKS[0], "duration": 5, "resolution": "720p"},
    ),
    _operation("upscale", _UPSCALE, {"image_url": _LINKS[0], "upscale_factor": "2"}),
)


def refused(code: int, msg: str, status: int = 200, **headers: str) -> Answer:
    return Answer({"code": code, "msg": msg, "data": None}, status, headers)


_REFUSALS = (
    Refusal("bad-key", refused(401, "You do not have access permissions"), ProviderOutOfMoney),
    Refusal("bad-key-by-status", refused(401, "Unauthorized", 401), ProviderOutOfMoney),
    Refusal("no-credits", refused(402, "The current credits are insufficient"), ProviderOutOfMoney),
    Refusal("sub-key-limit", refused(433, "Sub-key usage exceeds the limit"), ProviderOutOfMoney),
    Refusal("no-such-resource", refused(404, "The requested resource does not exist"), ProviderModelGone),
    Refusal("model-gone", refused(422, "The model name you specified is not supported."), ProviderModelGone),
    Refusal("feature-off", refused(505, "Feature disabled"), ProviderModelGone),
    Refusal("invalid", refused(422, "aspect_ratio is not within the range of allowed options"), ProviderInvalid),
    Refusal("content", refused(422, "The prompt violates our content policy"), ProviderRejected),
    Refusal("content-by-400", refused(400, "Your prompt was flagged"), ProviderRejected),
    Refusal("unreachable-input", refused(451, "Failed to fetch the image"), ProviderInvalid),
    Refusal("busy-maker", refused(408, "Upstream is currently experiencing service issues"), ProviderBusy),
    Refusal("too-fast", refused(429, "Rate limited"), ProviderRateLimited),
    Refusal(
        "too-fast-by-status",
        refused(429, "Rate limited", 429, **{"Retry-After": "17"}),
        ProviderRateLimited,
        retry_after_seconds=17.0,
    ),
    Refusal("maintenance", refused(455, "Service unavailable"), ProviderBusy),
    Refusal("server-error", refused(500, "Server error"), ProviderBusy),
    Refusal("server-error-by-status", refused(500, "Server error", 500), ProviderBusy),
    Refusal("failed-at-once", refused(501, "Generation failed"), ProviderFailed),
    Refusal("code-of-tomorrow", refused(599, "something new"), ProviderInvalid),
)


def job(state: str, **more: object) -> Answer:
    return Answer(
        {
            "code": 200,
            "msg": "success",
            "data": {
                "taskId": "281e",
                "model": "nano-banana-2",
                "state": state,
                "param": '{"model":"nano-banana-2"}',
                "resultJson": None,
                "failCode": None,
                "failMsg": None,
                "costTime": 15000,
                "createTime": 1760000000000,
                "updateTime": 1760000015000,
                "completeTime": 1760000015000,
                **more,
            },
        }
    )


def result(*links: object) -> str:
    return json.dumps({"resultUrls": links})


def _check(name: str, answer: Answer, report: TaskReport) -> Check:
    return Check(name, "281e", {ASKED: answer}, report)


_CHECKS = (
    _check("waiting", job("waiting"), TaskReport(TaskState.RUNNING)),
    _check("queuing", job("queuing"), TaskReport(TaskState.RUNNING)),
    _check("generating", job("generating", progress=40), TaskReport(TaskState.RUNNING, percent=40)),
    _check(
        "image",
        job("success", resultJson=result(RESULT)),
        TaskReport(TaskState.SUCCEEDED, artifact=Artifact("image/png", url=RESULT)),
    ),
    _check(
        "video",
        job("success", resultJson=result(f"{RESULT}/v.MP4?e=1.5")),
        TaskReport(TaskState.SUCCEEDED, artifact=Artifact("video/mp4", url=f"{RESULT}/v.MP4?e=1.5")),
    ),
    _check(
        "something",
        job("success", resultJson=result("https://tempfile.example/x")),
        TaskReport(TaskState.SUCCEEDED, artifact=Artifact("", url="https://tempfile.example/x")),
    ),
    _check("without-result", job("success"), TaskReport(TaskState.SUCCEEDED)),
    _check("without-media", job("success", resultJson=result()), TaskReport(TaskState.SUCCEEDED)),
    _check("with-text", job("success", resultJson='{"resultObject":{}}'), TaskReport(TaskState.SUCCEEDED)),
    _check("with-a-number", job("success", resultJson=result(5)), TaskReport(TaskState.SUCCEEDED)),
    _check("with-no-json", job("success", resultJson="{"), TaskReport(TaskState.SUCCEEDED)),
    _check("with-half-a-letter", job("success", resultJson="{\ud800"), TaskReport(TaskState.SUCCEEDED)),
    _check(
        "failed",
        job("fail", failCode="501", failMsg="Internal Error"),
        TaskReport(TaskState.FAILED, detail="Internal Error"),
    ),
    _check(
        "rejected",
        job("fail", failCode="400", failMsg="The input was flagged as sensitive"),
        TaskReport(TaskState.REJECTED, detail="The input was flagged as sensitive"),
    ),
    _check("not-yet-known", refused(422, "recordInfo is null"), TaskReport(TaskState.RUNNING)),
    _check("not-yet-found", refused(404, "Not found", 404), TaskReport(TaskState.RUNNING)),
)

MARKET_CALL = b'{"code":200,"msg":"ok","data":{"task_id":"281e","state":"success","resultJson":"{}"}}'
_CALLS = (
    Call("news", {}, MARKET_CALL, "281e"),
    Call("failure", {}, b'{"code":501,"msg":"no","data":{"taskId":"281e"}}', "281e"),
    Call("an-id-that-is-none", {}, b'{"code":200,"msg":"ok","data":{"taskId":5}}', None),
    Call("without-data", {}, b'{"code":200,"msg":"ok"}', None),
    Call("a-list", {}, b"[1]", None),
)


def _open(url: str, limit_seconds: float) -> Provider:
    return KieProvider(base_url=url, api_key=KEY, answer_limit_seconds=limit_seconds)


def _linked(url: str) -> Script:
    return {ASKED: job("success", resultJson=result(url))}


KIE = VendorCase(
    name="kie",
    open=_open,
    operations=_OPERATIONS,
    refusals=_REFUSALS,
    checks=_CHECKS,
    linked=Linked(_linked, task_id="281e"),
    calls=_CALLS,
)
