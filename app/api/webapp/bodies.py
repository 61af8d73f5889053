"""What clients send: strict types, and nothing that is not named here."""

import hashlib
import json
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Header
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr

from app.core.i18n import LANGUAGES
from app.domain.generations.options import LARGEST_SEED

# Generous; the model and the settings set the real limits, which the service checks.
_LONGEST_TEXT: Final = 20_000


def _storable(text: str) -> str:
    if "\0" in text:
        message = "must not contain NUL characters"
        raise ValueError(message)
    return text


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
    """The launch data of the Mini App, as Telegram wrote it."""

    # Of any length: what is none of Telegram's is refused, and counted, as in the header.
    init_data: StrictStr = Field(
        examples=["user=%7B%22id%22%3A279058397…&auth_date=1733584787&signature=…&hash=2174df5b…"]
    )


class MeChanges(Body):
    """What a user sets about themselves; what is left out stays."""

    language: Annotated[StrictStr, Field(max_length=16)] | None = Field(
        None, examples=["uz"], json_schema_extra={"enum": list(LANGUAGES)}
    )
    quick_mode: bool | None = Field(None, strict=True, description="Texts in the chat start at once, without a card.")


class GenerationOptions(Body):
    """Of a picture; what is left out is the model's default."""

    aspect_ratio: Annotated[StrictStr, Field(max_length=16)] | None = Field(None, examples=["3:4"])
    count: Annotated[StrictInt, Field(ge=1, le=16)] | None = Field(None, description="How many pictures.", examples=[2])
    seed: Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED)] | None = Field(
        None, description="The same seed, prompt and model make the same picture where the vendor can.", examples=[7]
    )


class NewGeneration(Body):
    """What is to be made."""

    kind: Literal["image"] = Field(examples=["image"])
    model: Key = Field(description="A key of the catalogue.", examples=["image-standard"])
    prompt: Text = Field(description="1 to 2,000 characters.", examples=["A lighthouse in a storm, oil on canvas"])
    negative_prompt: Text | None = Field(None, description="What should not be seen.", examples=["people"])
    options: GenerationOptions = Field(default_factory=GenerationOptions)
    parent_id: UUID | None = Field(None, description="The generation of yours that this one was made from.")
    inputs: Annotated[list[UUID], Field(max_length=0)] | None = Field(None, description="None: pictures have no input.")
    style: Literal[""] | None = Field(None, description="None: there are no styles yet.")
    avatar: Literal[""] | None = Field(None, description="None: there are no avatars yet.")
    funding: Literal["credits"] = "credits"
    max_price: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="Refuse with PRICE_CHANGED when it now costs more.", examples=[8]
    )

    def digest(self) -> bytes:
        """What belongs to an idempotency key: the body in one canonical form, `max_price` left out (spec §6).

        What is as if it had not been said is left out too, so that a new optional field changes no earlier digest.
        """
        content = self.model_dump(
            mode="json", exclude={"max_price", "inputs", "style", "avatar"}, exclude_defaults=True
        )
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).digest()


class StartDraft(Body):
    """Nothing: a draft is started with the credits that are there."""

    payment_id: None = Field(None, description="None: a draft is started with credits.")
