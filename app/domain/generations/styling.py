"""What a style makes of an order: whether it can be had, what it asks for, what the vendor is told."""

from dataclasses import dataclass, replace
from typing import Final

from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import COPY_STYLE, Model, Style, Work
from app.domain.errors import ModelUnavailable, StyleUnavailable, ValidationFailed
from app.domain.generations.models import Awaits, Funding, Kind
from app.domain.generations.options import PromptLimits, missing_words
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import DraftView

_FROM_PICTURES: Final = frozenset({Kind.EDIT, Kind.UPSCALE, Kind.PACK})


def style_key_of(style_key: str | None, funding: Funding) -> str | None:
    """The style of an order: the one it names; a copied look has one by itself."""
    return COPY_STYLE if style_key is None and funding is Funding.COPY else style_key


def missing_of(kind: Kind, prompt: str, style: Style | None, *, inputs: int) -> Awaits | None:
    """What is still to be asked for; None of what is complete."""
    if style is None:
        return Awaits.PHOTO if kind in _FROM_PICTURES and not inputs else missing_words(kind, prompt)
    if inputs < style.inputs:
        return Awaits.PHOTO
    return missing_words(kind, prompt) if style.needs_words else None


def house_funding(style_key: str | None) -> Funding:
    """Out of which quota the house pays for something in this style, or in none."""
    return Funding.COPY if style_key == COPY_STYLE else Funding.FREE


@dataclass(frozen=True, slots=True)
class Styled:
    """An order's style, if it has one, and what the vendor is told in place of the user's words."""

    style: Style | None
    rendered_prompt: str | None

    def told(self, prompt: str) -> str:
        """What the vendor is told."""
        return prompt if self.rendered_prompt is None else self.rendered_prompt


class Stylist:
    """Applies styles to orders."""

    def __init__(self, catalog: CatalogService, prompts: PromptLimits) -> None:
        self._catalog = catalog
        self._prompts = prompts

    def check_words(
        self, prompt: str, negative_prompt: str | None, *, kind: Kind, style_key: str | None, is_optional: bool = False
    ) -> None:
        """Words as they are always allowed; whether a style does without, it says itself (`apply`).

        No word of the catalogue's, so that a repeat is known as one whatever has become of its style.
        Raises: ValidationFailed.
        """
        self._prompts.check(prompt, negative_prompt, kind=kind, is_optional=is_optional or style_key is not None)

    async def most_inputs(self, model: Model | None, style_key: str | None) -> int:
        """How many pictures something is made from, at most; a model that is gone takes one for the moment."""
        style = None if style_key is None else await self._catalog.find_style(style_key)
        if style is not None:
            return style.inputs
        return 1 if model is None else model.max_inputs

    async def apply(
        self, style_key: str | None, prompt: str, *, kind: Kind, funding: Funding, inputs: int | None
    ) -> Styled:
        """The style and what it makes of the words; `inputs` is None of what still waits for them or for words.

        Raises: Maintenance, StyleUnavailable, ValidationFailed.
        """
        if funding is Funding.COPY and style_key != COPY_STYLE:
            raise ValidationFailed({"style": f"must be {COPY_STYLE}, or left out, with funding {funding}"})
        if style_key is None or kind is Kind.PACK:
            # Each shot of a pack has words of its own.
            return Styled(None, None)
        style = await self._catalog.get_style(style_key)
        fields = {}
        if style.kind != kind:
            fields["style"] = f"makes {style.kind}, not {kind}"
        elif inputs is not None and inputs != style.inputs:
            fields["inputs"] = f"must be {style.inputs} with style {style.key}"
        if inputs is not None and style.needs_words and not prompt.strip():
            fields["prompt"] = "must not be empty"
        rendered = style.render(prompt)
        if len(rendered) > self._prompts.longest:
            room = style.room(self._prompts.longest)
            fields["prompt"] = f"must be at most {room} characters with style {style.key}"
        if fields:
            raise ValidationFailed(fields)
        return Styled(style, rendered)

    async def complete(self, new: NewDraft) -> NewDraft:
        """A draft with what its style brings where nothing else was asked for.

        Raises: Maintenance, StyleUnavailable, ValidationFailed.
        """
        is_complete = new.awaits is None and not new.files
        inputs = len(new.inputs) if is_complete else None
        styled = await self.apply(new.style_key, new.prompt, kind=new.kind, funding=new.funding, inputs=inputs)
        style = styled.style
        if style is None:
            return new
        model = await self._catalog.find_model(new.model_key or style.model_key)
        return replace(
            new,
            model_key=new.model_key or style.model_key,
            aspect_ratio=new.aspect_ratio or style.ratio_by(model),
            duration_seconds=new.duration_seconds or style.duration_by(model),
            count=1 if new.count is None else new.count,
        )

    async def find(self, draft: DraftView) -> Style | None:
        """The style of a draft that has one; a pack is put into none. Raises: Maintenance, StyleUnavailable."""
        if draft.style_key is None or draft.kind is Kind.PACK:
            return None
        return await self._catalog.get_style(draft.style_key)

    async def room(self, style_key: str | None) -> int:
        """How many characters a prompt may have, put into this style or into none."""
        style = None if style_key is None else await self._catalog.find_style(style_key)
        return style.room(self._prompts.longest) if style else self._prompts.longest

    def require_route(self, styled: Styled, model: Model, work: Work) -> None:
        """Whether somebody can make this right now.

        Raises: StyleUnavailable where the style's own model cannot; ModelUnavailable where another one was chosen.
        """
        try:
            self._catalog.require_route(model, work)
        except ModelUnavailable as error:
            if styled.style is not None and styled.style.model_key == model.key:
                raise StyleUnavailable(style=styled.style.key) from error
            raise
