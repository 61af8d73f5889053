"""Kling's two interfaces, in the literal bodies of its facts file."""

import base64
import json
from dataclasses import replace

from app.adapters.providers.kling import KlingProvider
from app.domain.ports import (
    Artifact,
    Provider,
    ProviderBusy,
    ProviderInvalid,
    ProviderModelGone,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderReferenceKnown,
    ProviderRejected,
    TaskReport,
    TaskState,
    VendorInput,
    VendorRequest,
)
from tests.contracts.vendors.frame import KEY, Answer, Call, Check, Linked, Operation, Refusal, Script, VendorCase

# The published example of a signed call (document-api, "Callback"), and when it was sent.
SIGNING_SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="
SIGNED_AT = 1781080794.0
SIGNED_BODY = (
    b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}'
)
SIGNED_HEADERS = {
    "webhook-id": "9876543210",
    "webhook-timestamp": "1781080794",
    "webhook-signature": "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
}

_HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
_LINK = "https://files.test/input.png"
_INPUT = VendorInput(b"input", "image/png", _LINK)
_LARGE_INPUT = VendorInput(b"x" * (7 * 1024 * 1024 + 1), "image/png", _LINK)
_BASE64 = base64.b64encode(b"input").decode()
_CALLBACK = "https://app.example/hooks/kling"
RESULT = "https://p2-fdl.klingai.test/result"

VIDEO = VendorRequest(
    kind="video",
    vendor_model="kling-3.0",
    prompt="a red kite over the sea",
    negative_prompt=None,
    aspect_ratio="16:9",
    seed=7,
    reference="job/4/2",
    duration_seconds=5,
    parameters={"resolution": "720p"},
    callback_url=_CALLBACK,
)
_VIDEO_FROM_IMAGE = replace(VIDEO, vendor_model="kling-3.0-turbo", inputs=(_INPUT,), negative_prompt="rain")
_OLDER_VIDEO = replace(VIDEO, vendor_model="kling-v2-6", negative_prompt="rain", parameters={"mode": "pro"})
_OLDER_VIDEO_FROM_IMAGE = replace(
    _OLDER_VIDEO, inputs=(_INPUT,), duration_seconds=10, negative_prompt=None, callback_url=None
)
_IMAGE = replace(
    VIDEO,
    kind="image",
    vendor_model="kling-v3",
    negative_prompt="rain",
    duration_seconds=None,
    parameters={"resolution": "1k"},
)
_EDIT = replace(_IMAGE, kind="edit", inputs=(_INPUT,), parameters={}, callback_url=None)
_LARGE_EDIT = replace(_EDIT, inputs=(_LARGE_INPUT,), aspect_ratio="auto", negative_prompt=None)
_MERGE = replace(_EDIT, vendor_model="kling-v3-omni", inputs=(_INPUT,) * 4)

_OPTIONS = {"callback_url": _CALLBACK, "external_task_id": "job-4-2", "watermark_info": {"enabled": False}}
_CREATED = Answer(
    {
        "code": 0,
        "message": "SUCCEED",
        "request_id": "r",
        "data": {
            "id": "87",
            "status": "submitted",
            "create_time": 1760000000000,
            "update_time": 1760000000000,
            "external_id": "job-4-2",
        },
    }
)


def older_task(status: str, operation: str = "text2video", **more: object) -> dict[str, object]:
    return {
        "task_id": "87",
        "task_status": status,
        "task_status_msg": "",
        "task_info": {"external_task_id": f"{operation}_job-4-2"},
        "created_at": 1760000000000,
        "updated_at": 1760000090000,
        **more,
    }


def task(status: str, **more: object) -> dict[str, object]:
    return {
        "id": "87",
        "status": status,
        "message": "",
        "create_time": 1760000000000,
        "update_time": 1760000000000,
        "external_id": "job-4-2",
        **more,
    }


def told(data: object) -> Answer:
    return Answer({"code": 0, "message": "SUCCEED", "request_id": "r", "data": data})


def refused(status: int, code: int, message: str, **headers: str) -> Answer:
    return Answer({"code": code, "message": message, "request_id": "r"}, status, headers)


_OLDER_CREATED = told(older_task("submitted"))

_OPERATIONS = (
    Operation(
        name="video-from-text",
        request=VIDEO,
        line="POST /text-to-video/kling-3.0",
        answer=_CREATED,
        headers=_HEADERS,
        body={
            "prompt": "a red kite over the sea",
            "settings": {"resolution": "720p", "aspect_ratio": "16:9", "duration": 5},
            "options": _OPTIONS,
        },
        task_id="tasks:87",
    ),
    Operation(
        name="video-from-image",
        request=_VIDEO_FROM_IMAGE,
        line="POST /image-to-video/kling-3.0-turbo",
        answer=_CREATED,
        headers=_HEADERS,
        body={
            "contents": [
                {"type": "prompt", "text": "a red kite over the sea\n\nAvoid: rain"},
                {"type": "first_frame", "url": _BASE64},
            ],
            "settings": {"resolution": "720p", "duration": 5},
            "options": _OPTIONS,
        },
        task_id="tasks:87",
    ),
    Operation(
        name="older-video-from-text",
        request=_OLDER_VIDEO,
        line="POST /v1/videos/text2video",
        answer=_OLDER_CREATED,
        headers=_HEADERS,
        body={
            "model_name": "kling-v2-6",
            "prompt": "a red kite over the sea",
            "negative_prompt": "rain",
            "duration": "5",
            "mode": "pro",
            "aspect_ratio": "16:9",
            "callback_url": _CALLBACK,
            "external_task_id": "text2video_job-4-2",
        },
        task_id="text2video:87",
    ),
    Operation(
        name="older-video-from-image",
        request=_OLDER_VIDEO_FROM_IMAGE,
        line="POST /v1/videos/image2video",
        answer=_OLDER_CREATED,
        headers=_HEADERS,
        body={
            "model_name": "kling-v2-6",
            "prompt": "a red kite over the sea",
            "image": _BASE64,
            "duration": "10",
            "mode": "pro",
            "external_task_id": "image2video_job-4-2",
        },
        task_id="image2video:87",
    ),
    Operation(
        name="image",
        request=_IMAGE,
        line="POST /v1/images/generations",
        answer=_OLDER_CREATED,
        headers=_HEADERS,
        body={
            "model_name": "kling-v3",
            "prompt": "a red kite over the sea",
            "negative_prompt": "rain",
            "resolution": "1k",
            "n": 1,
            "aspect_ratio": "16:9",
            "callback_url": _CALLBACK,
            "external_task_id": "generations_job-4-2",
        },
        task_id="generations:87",
    ),
    Operation(
        name="edit",
        request=_EDIT,
        line="POST /v1/images/generations",
        answer=_OLDER_CREATED,
        headers=_HEADERS,
        body={
            "model_name": "kling-v3",
            "prompt": "a red kite over the sea\n\nAvoid: rain",
            "image": _BASE64,
            "n": 1,
            "aspect_ratio": "16:9",
            "external_task_id": "generations_job-4-2",
        },
        task_id="generations:87",
    ),
    Operation(
        name="edit-of-a-large-picture",
        request=_LARGE_EDIT,
        line="POST /v1/images/generations",
        answer=_OLDER_CREATED,
        headers=_HEADERS,
        body={
            "model_name": "kling-v3",
            "prompt": "a red kite over the sea",
            "image": _LINK,
            "n": 1,
            "external_task_id": "generations_job-4-2",
        },
        task_id="generations:87",
    ),
    Operation(
        name="edit-with-four-inputs",
        request=_MERGE,
        line="POST /v1/images/omni-image",
        answer=_OLDER_CREATED,
        headers=_HEADERS,
        body={
            "model_name": "kling-v3-omni",
            "prompt": "<<<image_1>>> <<<image_2>>> <<<image_3>>> <<<image_4>>> a red kite over the sea\n\nAvoid: rain",
            "image_list": [{"image": _BASE64}] * 4,
            "n": 1,
            "aspect_ratio": "16:9",
            "external_task_id": "omni_job-4-2",
        },
        task_id="omni:87",
    ),
)

_REFUSALS = (
    Refusal("bad-key", refused(401, 1002, "Authorization is invalid"), ProviderOutOfMoney),
    Refusal("old-key", refused(401, 1004, "Authorization has expired"), ProviderOutOfMoney),
    Refusal("account", refused(429, 1100, "Account error"), ProviderOutOfMoney),
    Refusal("arrears", refused(429, 1101, "Account in arrears"), ProviderOutOfMoney),
    Refusal("pack-used-up", refused(429, 1102, "Account balance not enough"), ProviderOutOfMoney),
    Refusal("address-not-listed", refused(429, 1304, "IP not in the whitelist"), ProviderOutOfMoney),
    Refusal("no-right", refused(403, 1103, "No right to this resource"), ProviderModelGone),
    Refusal("invalid", refused(400, 1201, "duration is invalid"), ProviderInvalid),
    Refusal("known-reference", refused(400, 1201, "external_task_id already exists"), ProviderReferenceKnown),
    Refusal("model-gone", refused(404, 1203, "The model does not exist"), ProviderModelGone),
    Refusal("path-gone", refused(404, 1202, "The method is invalid"), ProviderModelGone),
    Refusal("policy", refused(400, 1300, "Trigger strategy"), ProviderRejected),
    Refusal("content", refused(400, 1301, "Content security policy"), ProviderRejected),
    Refusal("content-in-a-200", refused(200, 1301, "Content security policy"), ProviderRejected),
    Refusal("too-fast", refused(429, 1302, "API request too fast"), ProviderRateLimited),
    Refusal(
        "too-many",
        refused(429, 1303, "parallel task over resource pack limit", **{"Retry-After": "17"}),
        ProviderRateLimited,
        retry_after_seconds=17.0,
    ),
    Refusal("server-error", refused(500, 5000, "Server internal error"), ProviderBusy),
    Refusal("maintenance", refused(503, 5001, "Server temporarily unavailable"), ProviderBusy),
    Refusal("internal-time-out", refused(504, 5002, "Server internal timeout"), ProviderOutcomeUnknown),
    Refusal("code-of-tomorrow", refused(400, 1999, "something new"), ProviderInvalid),
)

_ASKED = "GET /tasks?task_ids=87"
_VIDEO_OUTPUT = {"type": "video", "id": "v", "url": RESULT, "watermark_url": f"{RESULT}-w", "duration": "5.1"}
_PAID_IN_UNITS = {"charge_type": "unit", "amount": "3", "package_type": "video"}
_PAID_IN_CASH = {"charge_type": "cash", "amount": "0.42", "currency": "USD"}
_RISK = "Failure to pass the risk control system"


def _check(name: str, found: object, report: TaskReport, *, task_id: str = "tasks:87", line: str = _ASKED) -> Check:
    return Check(name, task_id, {line: told(found)}, report)


def _older_check(name: str, found: object, report: TaskReport, *, operation: str = "text2video") -> Check:
    path = "videos" if "video" in operation else "images"
    last = "omni-image" if operation == "omni" else operation
    return _check(name, found, report, task_id=f"{operation}:87", line=f"GET /v1/{path}/{last}/87")


_MADE_VIDEO = Artifact("video/mp4", url=RESULT)
_MADE_IMAGE = Artifact("image/png", url=RESULT)
_IMAGES = {"images": [{"index": 0, "url": RESULT}]}
_VIDEOS = {"videos": [{"id": "v", "url": RESULT, "duration": "5.0"}]}

_CHECKS = (
    _check("submitted", [task("submitted")], TaskReport(TaskState.RUNNING)),
    _check("processing", [task("processing")], TaskReport(TaskState.RUNNING)),
    _check(
        "paid-in-units",
        [task("succeeded", outputs=[_VIDEO_OUTPUT], billing=[_PAID_IN_UNITS])],
        TaskReport(TaskState.SUCCEEDED, artifact=_MADE_VIDEO),
    ),
    _check(
        "paid-in-cash",
        [task("succeeded", outputs=[_VIDEO_OUTPUT], billing=[_PAID_IN_UNITS, _PAID_IN_CASH, {"amount": "x"}])],
        TaskReport(TaskState.SUCCEEDED, artifact=_MADE_VIDEO, cost_micros=420_000),
    ),
    _check("without-media", [task("succeeded", outputs=[])], TaskReport(TaskState.SUCCEEDED)),
    _check(
        "failed",
        [task("failed", message="generation failed")],
        TaskReport(TaskState.FAILED, detail="generation failed"),
    ),
    _check("rejected", [task("failed", message=_RISK)], TaskReport(TaskState.REJECTED, detail=_RISK)),
    _check("gone", [], TaskReport(TaskState.GONE)),
    Check(
        "older-gone",
        "image2video:87",
        {"GET /v1/videos/image2video/87": refused(404, 1203, "Task not found")},
        TaskReport(TaskState.GONE),
    ),
    Check(
        "older-gone-in-other-words",
        "generations:87",
        {"GET /v1/images/generations/87": refused(400, 1201, "Task not found by id/external id")},
        TaskReport(TaskState.GONE),
    ),
    Check("of-no-operation-of-ours", "avatar:87", {}, TaskReport(TaskState.GONE)),
    _older_check("older-processing", older_task("processing"), TaskReport(TaskState.RUNNING)),
    _older_check(
        "older-video",
        older_task("succeed", task_result=_VIDEOS, final_unit_deduction="2"),
        TaskReport(TaskState.SUCCEEDED, artifact=_MADE_VIDEO),
    ),
    _older_check(
        "older-image",
        older_task("succeed", "generations", task_result=_IMAGES),
        TaskReport(TaskState.SUCCEEDED, artifact=_MADE_IMAGE),
        operation="generations",
    ),
    _older_check(
        "omni-image",
        older_task("succeed", "omni", task_result=_IMAGES),
        TaskReport(TaskState.SUCCEEDED, artifact=_MADE_IMAGE),
        operation="omni",
    ),
    _older_check("older-without-media", older_task("succeed", task_result={}), TaskReport(TaskState.SUCCEEDED)),
    _older_check(
        "older-rejected",
        older_task("failed", task_status_msg=_RISK),
        TaskReport(TaskState.REJECTED, detail=_RISK),
    ),
)

_CALLS = (
    Call("news", {}, SIGNED_BODY, "tasks:1234567890"),
    Call("older-news", {}, json.dumps(older_task("processing", "image2video")).encode(), "image2video:87"),
    Call("older-of-somebody-else", {}, json.dumps(older_task("succeed", "job")).encode(), None),
    Call("older-without-reference", {}, b'{"task_id":"87","task_status":"succeed"}', None),
    Call("an-id-that-is-none", {}, b'{"id":87,"status":"succeeded"}', None),
    Call("a-list", {}, b"[1]", None),
)


def _open(url: str, limit_seconds: float) -> Provider:
    return KlingProvider(base_url=url, api_key=KEY, answer_limit_seconds=limit_seconds)


def _linked(url: str) -> Script:
    return {_ASKED: told([task("succeeded", outputs=[{**_VIDEO_OUTPUT, "url": url}])])}


KLING = VendorCase(
    name="kling",
    open=_open,
    operations=_OPERATIONS,
    refusals=_REFUSALS,
    checks=_CHECKS,
    linked=Linked(_linked, task_id="tasks:87"),
    calls=_CALLS,
)
