"""What clients send: strict types, and nothing that is not named here."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Header
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    model_validator,
)

from app.core.i18n import LANGUAGES
from app.domain.catalog.views import MOST_SHOTS
from app.domain.generations.options import LARGEST_SEED

# Generous; the model and the settings set the real limits, which the service checks.
_LONGEST_TEXT: Final = 20_000


def _storable(text: str) -> str:
    if "\0" in text:
        message = "must not contain NUL characters"
        raise ValueError(message)
    return text


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


Text = Annotated[StrictStr, Field(max_length=_LONGEST_TEXT), AfterValidator(_storable)]
Key = Annotated[StrictStr, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=64,
        pattern=r"^[\x20-\x7e]+$",
        description="Your own name for this request; a repeat with the same name is not done twice.",
        examples=["3f6b0c1e-start-1"],
    ),
]


class Body(BaseModel):
    """A JSON object without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SignIn(Body):
    """One of the two: the launch data of the Mini App, as Telegram wrote it, or the token of a one-time link."""

    # Of any length: what is none of Telegram's is refused, and counted, as in the header.
    init_data: StrictStr | None = Field(
        None, examples=["user=%7B%22id%22%3A279058397…&auth_date=1733584787&signature=…&hash=2174df5b…"]
    )
    auth: StrictStr | None = Field(None, description="Of the link that the bot gives for an outside browser.")

    @model_validator(mode="after")
    def _one_is_given(self) -> "SignIn":
        if (self.init_data is None) == (self.auth is None):
            message = "give either init_data or auth"
            raise ValueError(message)
        return self


class MeChanges(Body):
    """What a user sets about themselves; what is left out stays."""

    language: Annotated[StrictStr, Field(max_length=16)] | None = Field(
        None, examples=["uz"], json_schema_extra={"enum": list(LANGUAGES)}
    )
    quick_mode: bool | None = Field(None, strict=True, description="Texts in the chat start at once, without a card.")


class GenerationOptions(Body):
    """What is left out is the model's default."""

    aspect_ratio: Annotated[StrictStr, Field(max_length=16)] | None = Field(None, examples=["3:4"])
    count: Annotated[StrictInt, Field(ge=1, le=MOST_SHOTS)] | None = Field(
        None,
        description="How many pictures; 1 if left out. Of a pack: all of its shots, said or not.",
        examples=[2],
    )
    seed: Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED)] | None = Field(
        None, description="The same seed, prompt and model make the same picture where the vendor can.", examples=[7]
    )
    duration_seconds: Annotated[StrictInt, Field(ge=1, le=60)] | None = Field(
        None, description="Of a video; which ones, the model says."
    )


class NewGeneration(Body):
    """What is to be made."""

    kind: Literal["image", "edit", "video", "upscale", "pack"] = Field(examples=["image"])
    model: Key = Field(description="A key of the catalogue.", examples=["image-standard"])
    prompt: Text = Field(
        "",
        description="1 to 2,000 characters; an upscale needs none, nor does a style without `needs_prompt`. With a"
        " style, the whole of what it makes of them counts. To the words of a pack's shots it is added.",
        examples=["A lighthouse in a storm, oil on canvas"],
    )
    negative_prompt: Text | None = Field(None, description="What should not be seen.", examples=["people"])
    options: GenerationOptions = Field(default_factory=GenerationOptions)
    parent_id: UUID | None = Field(None, description="The generation of yours that this one was made from.")
    inputs: Annotated[list[UUID], Field(max_length=16)] | None = Field(
        None,
        description="What it is made from: uploads of yours, or results of yours (an output's id). How many, the model"
        " says: an edit 1 to 4, an upscale 1, a video none or 1. For a copied look, first the photo and then the look.",
    )
    style: Annotated[StrictStr, Field(max_length=64, pattern=r"^([a-z0-9][a-z0-9._-]*)?$")] | None = Field(
        None,
        description="A key of the styles: the prompt is put into its template. Whether it asks for words, and how many"
        " inputs it takes, the style says. `funding: copy` without one is `copy-look`. Of a pack: which one.",
        examples=[None],
    )
    avatar: Annotated[UUID | None, BeforeValidator(_none_if_empty)] = Field(
        None, description="Of a pack: whom it shows, an avatar of yours; its photos are the inputs.", examples=[None]
    )
    funding: Literal["credits", "free", "copy"] = Field(
        "credits", description="`free` and `copy`: one of today's free ones, with a watermark."
    )
    max_price: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="Refuse with PRICE_CHANGED when it now costs more.", examples=[8]
    )

    def digest(self) -> bytes:
        """What belongs to an idempotency key: the body in one canonical form, `max_price` left out (spec §6).

        What is as if it had not been said is left out too, so that a new optional field changes no earlier digest.
        """
        content = self.model_dump(mode="json", exclude={"max_price"}, exclude_defaults=True)
        for name in ("inputs", "style", "avatar"):
            if not content.get(name):
                content.pop(name, None)
        return _digest(content)


class NewAvatar(Body):
    """A person to make photo packs of."""

    name: Annotated[StrictStr, Field(max_length=64), AfterValidator(_storable)] = Field(
        description="1 to 40 characters.", examples=["Me"]
    )
    inputs: Annotated[list[UUID], Field(max_length=16)] = Field(
        description="1 to 10 uploads of yours that show this person; they are kept as long as the avatar.",
        examples=[["0193c8a0-1f2e-7d3c-8b4a-5968778695a4"]],
    )

    def digest(self) -> bytes:
        """What belongs to an idempotency key."""
        return _digest(self.model_dump(mode="json"))


class StartDraft(Body):
    """What a draft is started with: credits, unless a payment is named."""

    payment_id: UUID | None = Field(None, description="An order of yours that paid for exactly this draft.")


class NewPayment(Body):
    """What is to be bought: either a product or exactly one draft."""

    product: Key | None = Field(None, description="A key of the catalogue's products.", examples=["pack-starter"])
    method: Literal["stars", "tbank"] = Field(
        description="`tbank`: by card, only in a session that was opened in a browser.", examples=["stars"]
    )
    generation_id: UUID | None = Field(None, description="For an unlock: the generation with a watermark.")
    promo: Annotated[StrictStr, Field(min_length=1, max_length=64), AfterValidator(_storable)] | None = Field(
        None, description="A promo code with percent off a pack."
    )
    gift: bool = Field(default=False, strict=True, description="A pack for whoever opens its link first.")
    draft_id: UUID | None = Field(None, description="Pay for exactly this draft, which then starts by itself.")

    def digest(self) -> bytes:
        """What belongs to an idempotency key."""
        return _digest(self.model_dump(mode="json", exclude_defaults=True))


class PromoEntry(Body):
    """A code as somebody typed it."""

    code: Annotated[StrictStr, Field(min_length=1, max_length=64), AfterValidator(_storable)] = Field(
        examples=["SPRING"]
    )

    def digest(self) -> bytes:
        """What belongs to an idempotency key."""
        return _digest(self.model_dump(mode="json"))


def _digest(content: Mapping[str, object]) -> bytes:
    """One digest for one content, however its JSON was written."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).digest()
