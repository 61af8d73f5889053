"""Stability AI's REST v2beta, in the literal bodies of its facts file."""

import base64
from dataclasses import replace

from app.adapters.providers.stability import StabilityProvider
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
from tests.contracts.vendors.frame import KEY, OVERSIZED, Answer, Check, Operation, Refusal, VendorCase
from tests.fakes import PICTURE

_INPUT = VendorInput(b"input", "image/png", "https://files.test/input.png")
_HEADERS = {"authorization": f"Bearer {KEY}", "accept": "application/json"}
_TASK_ID = "a6dc" * 16
_BASE64 = base64.b64encode(PICTURE).decode()
_SUCCESS = Answer({"image": _BASE64, "finish_reason": "SUCCESS", "seed": 123})
_FILTERED = Answer({"image": _BASE64, "finish_reason": "CONTENT_FILTERED", "seed": 123})
_MADE = Artifact("image/jpeg", data=PICTURE)
_CREATED = Answer({"id": _TASK_ID})
_ASKED = f"GET /v2beta/results/{_TASK_ID}"

_IMAGE = VendorRequest(
    kind="image",
    vendor_model="generate/core",
    prompt="a kite",
    negative_prompt="rain",
    aspect_ratio="16:9",
    seed=4_294_967_295,
    reference="0192/0/1",
    parameters={"style_preset": "photographic", "output_format": "png"},
)
_SD3 = replace(
    _IMAGE,
    vendor_model="generate/sd3:sd3.5-large",
    negative_prompt=None,
    aspect_ratio="3:4",
    seed=7,
    # The vendor has no 3:4; the catalogue says what is nearest.
    parameters={"ratios": {"3:4": "4:5"}, "cfg_scale": 4},
)
_EDIT = replace(_SD3, kind="edit", inputs=(_INPUT,), parameters={"strength": 0.5})
_CONTROL = replace(_EDIT, vendor_model="control/structure", parameters={"control_strength": 0.7})
_FAST = replace(_EDIT, kind="upscale", vendor_model="upscale/fast", parameters={})
_CREATIVE = replace(_FAST, vendor_model="upscale/creative", parameters={"creativity": 0.3})


def _error(name: str, *errors: str) -> dict[str, object]:
    return {"id": "4212a4b66fbe1cedca4bf2133d35dca5", "name": name, "errors": list(errors)}


def _operation(name: str, request: VendorRequest, endpoint: str, **fields: bytes) -> Operation:
    return Operation(
        name, request, f"POST /v2beta/stable-image/{endpoint}", _SUCCESS, _HEADERS, form=fields, made=_MADE
    )


def _checks() -> tuple[Check, ...]:
    in_progress = Answer({"id": _TASK_ID, "status": "in-progress"}, 202)
    rejected = Answer(_error("content_moderation", "the picture was flagged"), 403)
    return (
        Check("in-progress", _TASK_ID, {_ASKED: in_progress}, TaskReport(TaskState.RUNNING)),
        Check("done", _TASK_ID, {_ASKED: _SUCCESS}, TaskReport(TaskState.SUCCEEDED, artifact=_MADE)),
        Check("filtered", _TASK_ID, {_ASKED: _FILTERED}, TaskReport(TaskState.REJECTED, detail="CONTENT_FILTERED")),
        Check(
            "moderated",
            _TASK_ID,
            {_ASKED: rejected},
            TaskReport(TaskState.REJECTED, detail='content_moderation: ["the picture was flagged"]'),
        ),
        Check(
            "done-without-media",
            _TASK_ID,
            {_ASKED: Answer({"finish_reason": "SUCCESS", "seed": 1})},
            TaskReport(TaskState.SUCCEEDED, detail="SUCCESS"),
        ),
        Check(
            "unreadable",
            _TASK_ID,
            {_ASKED: Answer({"image": "*", "finish_reason": "SUCCESS"})},
            TaskReport(TaskState.FAILED, detail="a made picture that cannot be read"),
        ),
        Check(
            "too-much",
            _TASK_ID,
            {_ASKED: OVERSIZED},
            TaskReport(TaskState.FAILED, detail="a result of more than 67108864 bytes"),
        ),
        Check("expired", _TASK_ID, {_ASKED: Answer(_error("not_found", "expired"), 404)}, TaskReport(TaskState.GONE)),
    )


STABILITY = VendorCase(
    name="stability",
    open=lambda url, limit: StabilityProvider(
        base_url=url, api_key=KEY, call_limit_seconds=limit, answer_limit_seconds=limit
    ),
    operations=(
        _operation(
            "image",
            _IMAGE,
            "generate/core",
            prompt=b"a kite",
            negative_prompt=b"rain",
            seed=b"0",
            aspect_ratio=b"16:9",
            style_preset=b"photographic",
            output_format=b"png",
        ),
        _operation(
            "image-by-a-named-model",
            _SD3,
            "generate/sd3",
            prompt=b"a kite",
            seed=b"7",
            model=b"sd3.5-large",
            aspect_ratio=b"4:5",
            cfg_scale=b"4",
        ),
        _operation(
            "edit",
            _EDIT,
            "generate/sd3",
            prompt=b"a kite",
            seed=b"7",
            model=b"sd3.5-large",
            mode=b"image-to-image",
            strength=b"0.5",
            image=b"input",
        ),
        _operation(
            "edit-by-structure",
            _CONTROL,
            "control/structure",
            prompt=b"a kite",
            seed=b"7",
            control_strength=b"0.7",
            image=b"input",
        ),
        _operation("upscale", _FAST, "upscale/fast", image=b"input"),
        Operation(
            "slow-upscale",
            _CREATIVE,
            "POST /v2beta/stable-image/upscale/creative",
            _CREATED,
            _HEADERS,
            form={"prompt": b"a kite", "seed": b"7", "creativity": b"0.3", "image": b"input"},
            task_id=_TASK_ID,
        ),
    ),
    refusals=(
        Refusal("invalid", Answer(_error("bad_request", "prompt: must not be empty"), 400), ProviderInvalid),
        Refusal("too-large", Answer(_error("payload_too_large", "over 10 MiB"), 413), ProviderInvalid),
        Refusal("language", Answer(_error("invalid_language", "English is supported"), 422), ProviderInvalid),
        Refusal("bad-key", Answer(_error("unauthorized", "invalid or missing key"), 401), ProviderOutOfMoney),
        Refusal("out-of-money", Answer(_error("payment_required", "more credits needed"), 402), ProviderOutOfMoney),
        Refusal("rejected", Answer(_error("content_moderation", "your request was flagged"), 403), ProviderRejected),
        Refusal("forbidden", Answer(_error("forbidden", "not for this account"), 403), ProviderOutOfMoney),
        Refusal("model-gone", Answer(_error("not_found", "no such endpoint"), 404), ProviderModelGone),
        Refusal(
            "rate",
            Answer(_error("rate_limit_exceeded", "more than 150 requests"), 429),
            ProviderRateLimited,
            60.0,
        ),
        Refusal("rate-header", Answer(b"", 429, {"Retry-After": "21"}), ProviderRateLimited, 21.0),
        Refusal("internal", Answer(_error("internal_error", "an unexpected error"), 500), ProviderBusy),
        Refusal("unavailable", Answer(_error("unavailable", "try it again"), 503), ProviderBusy),
        Refusal("gateway", Answer(_error("timeout", "too late"), 504), ProviderOutcomeUnknown),
    ),
    checks=_checks(),
    empty=(
        Refusal("filtered", _FILTERED, ProviderRejected),
        Refusal("no-picture", Answer({"finish_reason": "SUCCESS", "seed": 1}), ProviderFailed),
        Refusal("unreadable", Answer({"image": "*", "finish_reason": "SUCCESS"}), ProviderOutcomeUnknown),
    ),
)
