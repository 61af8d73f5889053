"""What surfaces ask for."""

from dataclasses import dataclass
from uuid import UUID

from app.domain.generations.models import Awaits, Funding, Kind, Origin
from app.domain.generations.views import ChatFile, Options


@dataclass(frozen=True, slots=True)
class SubmitGeneration:
    """A generation to be accepted. `inputs` are uploads of the user's, or results of theirs (the output's id).

    `style_key` is the style that the prompt is put into; funding COPY has one of its own where none is named. A photo
    pack's count and inputs follow from it and from `avatar_id`.
    `request_key` is `api:{key}` of a client, `tg:{update_id}` or `draft:{id}`. `max_price` is what the client has
    shown its user; `locked_price_credits` is a draft's price, which no later change of the catalogue touches.
    """

    model_key: str
    prompt: str
    options: Options
    origin: Origin
    kind: Kind = Kind.IMAGE
    negative_prompt: str | None = None
    funding: Funding = Funding.CREDITS
    parent_id: UUID | None = None
    draft_id: UUID | None = None
    max_price: int | None = None
    locked_price_credits: int | None = None
    request_key: str | None = None
    body_hash: bytes | None = None
    inputs: tuple[UUID, ...] = ()
    style_key: str | None = None
    avatar_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewDraft:
    """A draft to be written. What is left out is the style's, or the user's last choice, or the catalogue's first.

    `inputs` are uploads of the user's, or results of theirs (the output's id).
    A photo pack's count and inputs follow from `style_key` and `avatar_id`.
    `origin_generation_id` is the generation whose prompt it repeats.
    `awaits` leaves it incomplete until the user's next message; `files` of the chat become inputs when its card is
    put together, those of one album share one draft.
    """

    prompt: str
    kind: Kind = Kind.IMAGE
    model_key: str | None = None
    negative_prompt: str | None = None
    aspect_ratio: str | None = None
    count: int | None = None
    seed: int | None = None
    parent_id: UUID | None = None
    update_id: int | None = None
    origin_generation_id: UUID | None = None
    funding: Funding = Funding.CREDITS
    duration_seconds: int | None = None
    inputs: tuple[UUID, ...] = ()
    awaits: Awaits | None = None
    files: tuple[ChatFile, ...] = ()
    media_group_id: str | None = None
    style_key: str | None = None
    avatar_id: UUID | None = None
