"""Checks what a client asks for: first the shape, then what the chosen model allows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.domain.catalog.views import MOST_SHOTS, Model, Work
from app.domain.errors import ValidationFailed
from app.domain.generations.models import Awaits, Funding, Kind
from app.domain.generations.views import Options

LARGEST_SEED: Final = 2**32 - 1
_LARGEST_COUNT: Final = 4
_WORDLESS_KINDS: Final = frozenset({Kind.UPSCALE, Kind.PACK})
_LONGEST_VIDEO_SECONDS: Final = 60
_FUNDED_KINDS: Final = {Funding.FREE: frozenset({Kind.IMAGE, Kind.EDIT}), Funding.COPY: frozenset({Kind.EDIT})}
# A copied look is an edit of a photo by a reference, and has a quota of its own.
_COPY_INPUTS: Final = 2


@dataclass(frozen=True, slots=True)
class PromptLimits:
    """How long a prompt may be, in characters."""

    longest: int

    def check(
        self, prompt: str, negative_prompt: str | None = None, *, kind: Kind = Kind.IMAGE, is_optional: bool = False
    ) -> None:
        """Only an upscale and a pack need no words, and what still waits for them (`is_optional`).

        Raises: ValidationFailed naming `prompt` or `negative_prompt`.
        """
        fields = {}
        if missing_words(kind, prompt) is not None and not is_optional:
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


def missing_words(kind: Kind, prompt: str) -> Awaits | None:
    """What is still to be asked for, of a draft that has its photos: an upscale and a pack need no words."""
    return None if prompt.strip() or kind in _WORDLESS_KINDS else Awaits.TEXT


def check_shape(options: Options, kind: Kind = Kind.IMAGE) -> None:
    """What no model allows. Raises: ValidationFailed."""
    fields = {}
    largest = MOST_SHOTS if kind is Kind.PACK else _LARGEST_COUNT
    if not 1 <= options.count <= largest:
        fields["options.count"] = f"must be from 1 to {largest}"
    if options.seed is not None and not 0 <= options.seed <= LARGEST_SEED:
        fields["options.seed"] = f"must be from 0 to {LARGEST_SEED}"
    if options.duration_seconds is not None and not 1 <= options.duration_seconds <= _LONGEST_VIDEO_SECONDS:
        fields["options.duration_seconds"] = f"must be from 1 to {_LONGEST_VIDEO_SECONDS}"
    if fields:
        raise ValidationFailed(fields)


def check_funding(funding: Funding, kind: Kind, options: Options, *, inputs: int) -> None:
    """What the house does not pay for. Raises: ValidationFailed."""
    if funding is Funding.CREDITS:
        return
    fields = {}
    if kind not in _FUNDED_KINDS[funding]:
        fields["funding"] = f"{funding} is not for {kind}"
    if funding is Funding.COPY and inputs != _COPY_INPUTS:
        fields["inputs"] = f"must be {_COPY_INPUTS} with funding {funding}: the photo, then the look"
    if options.count != 1:
        fields["options.count"] = f"must be 1 with funding {funding}"
    if fields:
        raise ValidationFailed(fields)


def check_allowed(options: Options, model: Model, *, kind: Kind, inputs: int) -> None:
    """What this model does not allow. Raises: ValidationFailed."""
    fields = {}
    if model.kind != kind:
        fields["model"] = f"does not make {kind}"
    if not model.min_inputs <= inputs <= model.max_inputs:
        fields["inputs"] = _number_of_inputs(model)
    if model.durations and options.duration_seconds not in model.durations:
        fields["options.duration_seconds"] = f"must be one of {', '.join(map(str, model.durations))}"
    if not model.durations and options.duration_seconds is not None:
        fields["options.duration_seconds"] = "is for videos"
    if options.aspect_ratio not in model.aspect_ratios:
        fields["options.aspect_ratio"] = f"must be one of {', '.join(model.aspect_ratios)}"
    if options.count > model.max_count:
        fields["options.count"] = f"must be from 1 to {model.max_count}"
    if fields:
        raise ValidationFailed(fields)


def _number_of_inputs(model: Model) -> str:
    if model.max_inputs == 0:
        return "are not taken by this model"
    if model.min_inputs == model.max_inputs:
        return f"must be {model.max_inputs}"
    return f"must be from {model.min_inputs} to {model.max_inputs}"


def work_of(prompt: str, negative_prompt: str | None, options: Options, input_pixels: Iterable[int]) -> Work:
    """What an order asks of a vendor."""
    words = f"{prompt} {negative_prompt}" if negative_prompt else prompt
    return Work(
        aspect_ratio=options.aspect_ratio,
        prompt_units=len(words.encode("utf-16-le", "surrogatepass")) // 2,
        duration_seconds=options.duration_seconds,
        input_pixels=tuple(input_pixels),
    )
