"""What the vendor is asked to make, and the refusals it knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

_DIRECTIVE: Final = re.compile(
    r"\[\s*(?:(task|now|slow(?:\s+(\d+(?:\.\d+)?))?)|(fail|reject|flaky)((?:[\s,]+\d+)*))\s*\]", re.IGNORECASE
)
_SLOW_BY_DEFAULT_SECONDS: Final = 5.0
_SLOWEST_SECONDS: Final = 24 * 3600.0
# Four of the largest photos that the product takes, in base64.
_INPUT_LETTERS: Final = 30_000_000
_MOST_INPUTS: Final = 4
AS_THE_INPUT: Final = "auto"


class VendorRefusal(Exception):
    """A call that is not done, with the vendor's own code."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None, task_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.task_id = task_id


class Kind(StrEnum):
    """What the vendor makes."""

    IMAGE = "image"
    EDIT = "edit"
    UPSCALE = "upscale"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class _Model:
    """What a model makes, from how many pictures, at which price (of a second, for videos)."""

    kind: Kind
    cost_micros: int
    least_inputs: int = 0
    most_inputs: int = 0


_MODELS: Final[Mapping[str, _Model]] = {
    "demo-standard": _Model(Kind.IMAGE, 20_000),
    "demo-pro": _Model(Kind.IMAGE, 60_000),
    "demo-edit": _Model(Kind.EDIT, 20_000, 1, _MOST_INPUTS),
    "demo-edit-pro": _Model(Kind.EDIT, 60_000, 1, _MOST_INPUTS),
    "demo-video": _Model(Kind.VIDEO, 5_000, 0, 1),
    "demo-video-pro": _Model(Kind.VIDEO, 10_000, 0, 1),
    "demo-upscale": _Model(Kind.UPSCALE, 10_000, 1, 1),
}


class Order(BaseModel):
    """Body of every creating call. `inputs` are pictures in base64; once the order is taken, the names of them."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = Kind.IMAGE
    model: str
    prompt: Annotated[str, Field(max_length=4_000)]
    negative_prompt: Annotated[str, Field(max_length=4_000)] | None = None
    reference: Annotated[str, Field(min_length=1, max_length=200)]
    aspect_ratio: Annotated[str, Field(pattern=r"^([1-9]\d?:[1-9]\d?|auto)$")] = "1:1"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    duration_seconds: Annotated[int, Field(ge=1, le=15)] = 5
    inputs: Annotated[list[Annotated[str, Field(max_length=_INPUT_LETTERS)]], Field(max_length=_MOST_INPUTS)] = []

    @property
    def generation(self) -> str:
        """What the output belongs to: the reference without its last part."""
        return self.reference.rpartition("/")[0] or self.reference

    @property
    def output_number(self) -> int | None:
        """Which output of its generation this is, from 1; the client's references say so."""
        index = self.generation.rpartition("/")[2]
        return int(index) + 1 if index.isascii() and index.isdigit() else None

    @property
    def cost_micros(self) -> int:
        """What it costs when it is made."""
        seconds = self.duration_seconds if self.kind is Kind.VIDEO else 1
        return _MODELS[self.model].cost_micros * seconds


class Verdict(StrEnum):
    """How the work will end, decided when it is taken."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Directives:
    """What the prompt orders beside the picture."""

    prompt: str
    verdict: Verdict
    is_flaky: bool
    slow_seconds: float | None


def read_directives(prompt: str, *, output_number: int | None = None) -> Directives:
    """Take the bracketed words out of the prompt; `[task]` and `[now]` are the client's business.

    With numbers, `[fail 3 8]`, a word is for these outputs of the generation alone.
    """
    words = {}
    for match in _DIRECTIVE.finditer(prompt):
        numbers = {int(number) for number in re.findall(r"\d+", match[4] or "")}
        if not numbers or output_number in numbers:
            words[(match[1] or match[3]).split()[0].lower()] = match[2]
    verdict = Verdict.REJECTED if "reject" in words else Verdict.FAILED if "fail" in words else Verdict.SUCCEEDED
    slow = float(words["slow"] or _SLOW_BY_DEFAULT_SECONDS) if "slow" in words else None
    return Directives(
        prompt=" ".join(_DIRECTIVE.sub(" ", prompt).split()),
        verdict=verdict,
        is_flaky="flaky" in words,
        slow_seconds=None if slow is None else min(slow, _SLOWEST_SECONDS),
    )


def check_order(order: Order) -> None:
    """Raises: VendorRefusal for a model that is not sold here, and for what it does not make."""
    model = _MODELS.get(order.model)
    if model is None:
        raise VendorRefusal(404, "model_not_found", f"There is no model {order.model}.")
    if model.kind is not order.kind:
        raise VendorRefusal(400, "invalid_request", f"kind: {order.model} makes no {order.kind}.")
    if not model.least_inputs <= len(order.inputs) <= model.most_inputs:
        message = f"inputs: {order.model} takes {model.least_inputs} to {model.most_inputs}."
        raise VendorRefusal(400, "invalid_request", message)
    # A picture has a shape of its own; words have none.
    if order.aspect_ratio == AS_THE_INPUT and not order.inputs:
        raise VendorRefusal(400, "invalid_request", "aspect_ratio: there is no input to take it from.")
    if order.kind is not Kind.UPSCALE and not read_directives(order.prompt).prompt:
        raise VendorRefusal(400, "invalid_request", "The prompt is empty.")
