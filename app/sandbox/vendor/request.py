"""What the vendor is asked to make, and the refusals it knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

COST_MICROS: Final[Mapping[str, int]] = {"demo-standard": 20_000, "demo-pro": 60_000}
_DIRECTIVE: Final = re.compile(r"\[\s*(fail|reject|flaky|task|now|slow(?:\s+(\d+(?:\.\d+)?))?)\s*\]", re.IGNORECASE)
_SLOW_BY_DEFAULT_SECONDS: Final = 5.0
_SLOWEST_SECONDS: Final = 24 * 3600.0


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


class PictureRequest(BaseModel):
    """Body of both creating calls."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["image"] = "image"
    model: str
    prompt: Annotated[str, Field(min_length=1, max_length=4_000)]
    negative_prompt: Annotated[str, Field(max_length=4_000)] | None = None
    reference: Annotated[str, Field(min_length=1, max_length=200)]
    aspect_ratio: Annotated[str, Field(pattern=r"^[1-9]\d?:[1-9]\d?$")] = "1:1"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    # Pictures to work from. Nothing is drawn from them yet, so an order that has some is refused rather than ignored.
    inputs: Annotated[list[str], Field(max_length=0)] = []

    @property
    def generation(self) -> str:
        """What the output belongs to: the reference without its last part."""
        return self.reference.rpartition("/")[0] or self.reference


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


def read_directives(prompt: str) -> Directives:
    """Take the bracketed words out of the prompt; `[task]` and `[now]` are the client's business."""
    words = {}
    for match in _DIRECTIVE.finditer(prompt):
        words[match[1].split()[0].lower()] = match[2]
    verdict = Verdict.REJECTED if "reject" in words else Verdict.FAILED if "fail" in words else Verdict.SUCCEEDED
    slow = float(words["slow"] or _SLOW_BY_DEFAULT_SECONDS) if "slow" in words else None
    return Directives(
        prompt=" ".join(_DIRECTIVE.sub(" ", prompt).split()),
        verdict=verdict,
        is_flaky="flaky" in words,
        slow_seconds=None if slow is None else min(slow, _SLOWEST_SECONDS),
    )


def check_model(model: str) -> None:
    """Raises: VendorRefusal for a model that is not sold here."""
    if model not in COST_MICROS:
        raise VendorRefusal(404, "model_not_found", f"There is no model {model}.")
