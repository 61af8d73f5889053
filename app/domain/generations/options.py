"""Checks what a client asks for: first the shape, then what the chosen model allows."""

from dataclasses import dataclass
from typing import Final

from app.domain.catalog.views import Model
from app.domain.errors import ValidationFailed
from app.domain.generations.models import Funding, Kind
from app.domain.generations.views import Options

LARGEST_SEED: Final = 2**32 - 1
_LARGEST_COUNT: Final = 4
# A copied look is an edit with a reference, and has a quota of its own.
_FUNDED_KINDS: Final = {Funding.FREE: frozenset({"image", "edit"}), Funding.COPY: frozenset({"edit"})}


@dataclass(frozen=True, slots=True)
class PromptLimits:
    """How long a prompt may be, in characters."""

    longest: int

    def check(self, prompt: str, negative_prompt: str | None = None) -> None:
        """Raises: ValidationFailed naming `prompt` or `negative_prompt`."""
        fields = {}
        if not prompt.strip():
            fields["prompt"] = "must not be empty"
        elif len(prompt) > self.longest:
            fields["prompt"] = f"must be at most {self.longest} characters"
        if negative_prompt is not None and len(negative_prompt) > self.longest:
            fields["negative_prompt"] = f"must be at most {self.longest} characters"
        fields |= {
            name: "must not contain NUL characters"
            for name, value in (("prompt", prompt), ("negative_prompt", negative_prompt))
            if value and "\0" in value
        }
        if fields:
            raise ValidationFailed(fields)


def check_shape(options: Options) -> None:
    """What no model allows. Raises: ValidationFailed."""
    fields = {}
    if not 1 <= options.count <= _LARGEST_COUNT:
        fields["options.count"] = f"must be from 1 to {_LARGEST_COUNT}"
    if options.seed is not None and not 0 <= options.seed <= LARGEST_SEED:
        fields["options.seed"] = f"must be from 0 to {LARGEST_SEED}"
    if fields:
        raise ValidationFailed(fields)


def check_funding(funding: Funding, kind: Kind, options: Options) -> None:
    """What the house does not pay for. Raises: ValidationFailed."""
    if funding is Funding.CREDITS:
        return
    fields = {}
    if kind.value not in _FUNDED_KINDS[funding]:
        fields["funding"] = f"{funding} is not for {kind}"
    if options.count != 1:
        fields["options.count"] = f"must be 1 with funding {funding}"
    if fields:
        raise ValidationFailed(fields)


def check_allowed(options: Options, model: Model) -> None:
    """What this model does not allow. Raises: ValidationFailed."""
    fields = {}
    if options.aspect_ratio not in model.aspect_ratios:
        fields["options.aspect_ratio"] = f"must be one of {', '.join(model.aspect_ratios)}"
    if options.count > model.max_count:
        fields["options.count"] = f"must be from 1 to {model.max_count}"
    if fields:
        raise ValidationFailed(fields)
