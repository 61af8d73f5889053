"""Stability AI, REST v2beta: pictures, edits of one picture and quick upscales at once, the slow upscale as a task.

A route's model is an endpoint below /v2beta/stable-image, with the vendor's model after a colon where the endpoint
takes one: `generate/core`, `generate/sd3:sd3.5-large`, `upscale/creative`. Wire facts: platform.stability.ai, API
reference.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from app.adapters.providers.fitting import fitted
from app.adapters.providers.http import (
    ANSWER_LIMIT_SECONDS,
    PICTURE_ANSWER_BYTES,
    OversizedAnswer,
    OwnError,
    VendorAnswer,
    VendorHttp,
    sentence,
    word,
)
from app.adapters.providers.inline import decoded
from app.adapters.providers.pace import Pace
from app.adapters.providers.route_words import RouteWords, in_the_words_of_the_route
from app.core.media import sniff
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

# 150 requests of any sort in 10 seconds; then the whole account is locked out for about a minute.
_REQUESTS: Final = 150
_WINDOW_SECONDS: Final = 10.0
_LOCK_OUT_SECONDS: Final = 60.0
# The whole form may have 10 MiB; what remains is for the words.
_INPUT_BYTES: Final = 10 * 1024 * 1024 - 64 * 1024
_SEEDS: Final = 4_294_967_295
# How far an edit may leave its input, where the route does not say it: the endpoints demand a number.
_STRENGTH: Final = "0.65"

_ENDPOINT: Final = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+)+")
_TASKS: Final = frozenset({"upscale/creative", "edit/replace-background-and-relight"})
# They look at the picture alone.
_WORDLESS: Final = frozenset({"upscale/fast", "edit/erase", "edit/remove-background"})
_WITH_MODE: Final = "generate/sd3"
_KINDS: Final = frozenset({"image", "edit", "upscale"})

_FILTERED: Final = "CONTENT_FILTERED"
_MODERATED: Final = "content_moderation"
_REFUSALS: Final[Mapping[int, type[ProviderError]]] = {
    400: ProviderInvalid,
    401: ProviderOutOfMoney,
    402: ProviderOutOfMoney,
    403: ProviderOutOfMoney,
    404: ProviderModelGone,
    413: ProviderInvalid,
    422: ProviderInvalid,
    500: ProviderBusy,
    503: ProviderBusy,
}


class StabilityProvider:
    """The Provider port over Stability's REST API. Keeps connections open; `close()` ends them."""

    name: Final = "stability"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        call_limit_seconds: float = 120.0,
        answer_limit_seconds: float = ANSWER_LIMIT_SECONDS,
    ) -> None:
        """`call_limit_seconds` bounds what carries a picture, to them or from them; the other limit all else."""
        # Results come inside of answers, so there is nowhere to download them from.
        self.traits = ProviderTraits(
            finds_by_reference=False,
            refuses_known_reference=False,
            stops_free=False,
            first_poll_seconds=10.0,
            longest_poll_seconds=20.0,
        )
        self._call_limit_seconds = call_limit_seconds
        self._http = VendorHttp(
            base_url=f"{base_url.rstrip('/')}/v2beta",
            key=api_key,
            # As JSON the refusal of a result stands where the result would.
            headers={"Authorization": f"Bearer {api_key}", "Accept": "application/json"},
            own_error=_own_error,
            answer_limit_seconds=answer_limit_seconds,
            pace=Pace(limit=_REQUESTS, window_seconds=_WINDOW_SECONDS),
            paces_reads=True,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def shape(self, request: VendorRequest) -> Shape:
        """The endpoint decides."""
        return Shape.TASK if request.vendor_model in _TASKS else Shape.NOW

    async def generate(self, request: VendorRequest) -> Made:
        """Make a picture at once. The vendor does not say what it costs. Raises: ProviderError."""
        answer = await self._create(request)
        if answer.json.get("finish_reason") == _FILTERED:
            # It comes with a blurred picture, and with "200 OK".
            raise ProviderRejected(_FILTERED)
        if not answer.json:
            message = "an answer that cannot be read"
            raise ProviderOutcomeUnknown(message)
        if not answer.json.get("image"):
            message = f"no picture, {sentence(answer.json.get('finish_reason'))}"
            raise ProviderFailed(message)
        return Made(_picture(answer.json), cost_micros=0)

    async def submit(self, request: VendorRequest) -> str:
        """Begin a slow upscale. Raises: ProviderError."""
        answer = await self._create(request)
        task_id = word(answer.json.get("id"))
        if task_id is None:
            message = "a begun upscale without an id"
            raise ProviderOutcomeUnknown(message)
        return task_id

    async def check(self, task_id: str) -> TaskReport:
        """Ask for a result, which comes with the answer and is kept for 24 hours. Raises: ProviderError."""
        try:
            answer = await self._http.read(
                "GET",
                f"results/{quote(task_id, safe='')}",
                limit_seconds=self._call_limit_seconds,
                max_bytes=PICTURE_ANSWER_BYTES,
            )
        except OversizedAnswer as error:
            return TaskReport(TaskState.FAILED, detail=f"a result of {error}")
        own = _own_error(answer)
        if own is not None and own.kind is ProviderModelGone:
            return TaskReport(TaskState.GONE)
        if own is not None and own.kind is ProviderRejected:
            return TaskReport(TaskState.REJECTED, detail=f"{own.code}: {own.message}")
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

    async def _create(self, request: VendorRequest) -> VendorAnswer:
        endpoint, _, model = request.vendor_model.partition(":")
        if request.kind not in _KINDS or not _ENDPOINT.fullmatch(endpoint):
            message = f"stability makes no {request.kind} by {sentence(request.vendor_model)}"
            raise ProviderInvalid(message)
        _require_inputs(request)
        request = replace(request, inputs=await fitted(request.inputs, total_bytes=_INPUT_BYTES))
        return await self._http.create(
            f"stable-image/{endpoint}",
            files=_form(endpoint, model, request),
            limit_seconds=self._call_limit_seconds,
            max_bytes=PICTURE_ANSWER_BYTES,
        )


def _form(endpoint: str, model: str, request: VendorRequest) -> dict[str, object]:
    """The fields of a create; the endpoints take forms even without a file."""
    words = in_the_words_of_the_route(request, inputs_field="image")
    picture = next(iter(request.inputs), None)
    fields = {
        **({} if endpoint in _WORDLESS else _described(request)),
        **({"model": model} if model else {}),
        **(_from_nothing(endpoint, words) if picture is None else _from_a_picture(endpoint)),
        **{name: _text(value) for name, value in words.fields.items()},
    }
    form: dict[str, object] = {name: (None, value) for name, value in fields.items()}
    if picture is not None:
        form[words.inputs_field] = ("input", picture.data, picture.mime)
    return form


def _described(request: VendorRequest) -> dict[str, str]:
    negative = {"negative_prompt": request.negative_prompt} if request.negative_prompt else {}
    return {"prompt": request.prompt, **negative, "seed": str(request.seed % _SEEDS)}


def _from_nothing(endpoint: str, words: RouteWords) -> dict[str, str]:
    takes_ratio = endpoint.startswith("generate/") and words.ratio is not None
    return {words.ratio_field: str(words.ratio)} if takes_ratio else {}


def _from_a_picture(endpoint: str) -> dict[str, str]:
    """What makes a generation start from a picture, whose ratio it then has."""
    if not endpoint.startswith("generate/"):
        return {}
    mode = {"mode": "image-to-image"} if endpoint == _WITH_MODE else {}
    return {**mode, "strength": _STRENGTH}


def _require_inputs(request: VendorRequest) -> None:
    """Raises: ProviderInvalid."""
    wanted = 0 if request.kind == "image" else 1
    if len(request.inputs) != wanted:
        message = f"stability takes {wanted} inputs for one {request.kind}"
        raise ProviderInvalid(message)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _report(answer: VendorAnswer) -> TaskReport:
    if answer.status == 202:
        return TaskReport(TaskState.RUNNING)
    if not answer.json:
        message = "a result that cannot be read"
        raise ProviderBusy(message)
    if answer.json.get("finish_reason") == _FILTERED:
        return TaskReport(TaskState.REJECTED, detail=_FILTERED)
    if not answer.json.get("image"):
        return TaskReport(TaskState.SUCCEEDED, detail=sentence(answer.json.get("finish_reason")))
    try:
        return TaskReport(TaskState.SUCCEEDED, artifact=_picture(answer.json))
    except ProviderOutcomeUnknown as error:
        return TaskReport(TaskState.FAILED, detail=error.detail)


def _picture(body: Mapping[str, Any]) -> Artifact:
    data = decoded(body["image"])
    return Artifact(sniff(data) or "image/png", data=data)


def _own_error(answer: VendorAnswer) -> OwnError | None:
    body = answer.json
    if answer.status == 429:
        # By whoever it is written: the account is locked out.
        patience = answer.retry_after_seconds
        return OwnError(
            "rate_limit_exceeded",
            sentence(body.get("errors")),
            ProviderRateLimited,
            retry_after_seconds=_LOCK_OUT_SECONDS if patience is None else patience,
        )
    name = body.get("name")
    if answer.is_success or not isinstance(name, str) or not isinstance(body.get("errors"), list):
        return None
    kind = ProviderRejected if answer.status == 403 and name == _MODERATED else _REFUSALS.get(answer.status)
    return OwnError(sentence(name), sentence(body["errors"]), kind)
