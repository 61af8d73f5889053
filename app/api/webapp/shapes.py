"""What clients get (spec §6): one model a shape, with an example; made from the services' views in `rendering`."""

from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

T = TypeVar("T")

_GENERATION_ID = "0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90"
_PAYMENT_ID = "0193c8b5-4a31-7f20-9d44-5e6f70818293"
_OUTPUT_ID = "0193c8a3-0b7a-7d02-8e55-61f0c2a9d3b4"


def _write_time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[
    datetime,
    PlainSerializer(_write_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T04:15:00.250Z"]}),
]


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


class Listing(Shape, Generic[T]):
    """A page of a list, newest first. Ask again with `cursor` = `next_cursor` until that is null."""

    items: list[T]
    next_cursor: str | None = Field(examples=[None])


class Limits(Shape):
    """Of the user's tier: active generations at a time, accepted ones in a moving minute and hour."""

    active: int = Field(examples=[5])
    per_minute: int = Field(examples=[10])
    per_hour: int = Field(examples=[60])


class Subscription(Shape):
    """Premium for a time."""

    product: str = Field(examples=["sub-monthly"])
    status: Literal["active", "canceled", "failed"] = Field(
        description="`active`: Telegram renews it, where it is `recurring`; `failed`: the renewal could not be charged."
    )
    recurring: bool = Field(examples=[True])
    period_end: Time
    in_force: bool = Field(description="Premium until `period_end` and a day of grace.", examples=[True])


class Me(Shape):
    """The signed-in user."""

    id: int = Field(examples=[1024])
    first_name: str = Field(examples=["Dilnoza"])
    username: str | None = Field(examples=["dilnoza"])
    language: str = Field(examples=["uz"])
    tier: Literal["free", "premium", "vip"]
    tier_until: Time | None
    credits: int = Field(description="Available.", examples=[16])
    held: int = Field(description="Set aside for generations that are under way.", examples=[4])
    debt: int = Field(description="Owed after a refund of credits that were spent.", examples=[0])
    active_generations: int = Field(examples=[1])
    limits: Limits
    free_left: int = Field(description="Free generations left today (UTC).", examples=[1])
    copy_left: int = Field(description="Free copies of a look left today (UTC).", examples=[1])
    referral_link: str = Field(examples=["https://t.me/starbrush_bot?start=ref_1024"])
    quick_mode: bool = Field(examples=[False])
    subscription: Subscription | None = Field(description="The one in force, if any.")


class Session(Shape):
    """A sign-in: send the token as `Authorization: Bearer`."""

    token: str = Field(examples=["pE7dGq0v6yJm3yQkqk0N1t2c4b8m9sYvXg5l7h1rZ0A"])
    expires_in: int = Field(description="Seconds.", examples=[86_400])
    user: Me


class ModelOptions(Shape):
    """What a model lets one choose."""

    aspect_ratios: list[str] = Field(examples=[["1:1", "3:4", "4:3", "9:16", "16:9"]])
    default_aspect_ratio: str = Field(examples=["1:1"])
    max_count: int = Field(examples=[4])
    durations: list[int] = Field(description="Seconds of a video, the usual ones first.", examples=[[]])
    duration_prices: dict[int, int] = Field(description="Credits for a video of so many seconds.", examples=[{}])
    min_inputs: int = Field(description="Pictures that it is made from.", examples=[0])
    max_inputs: int = Field(examples=[0])


class Model(Shape):
    """A model on sale."""

    key: str = Field(examples=["image-standard"])
    kind: str = Field(examples=["image"])
    title: str = Field(description="In the user's language.", examples=["Standart"])
    sample_url: str | None = Field(examples=[None])
    price: int = Field(description="Credits for one output.", examples=[4])
    options: ModelOptions


class Style(Shape):
    """A prompt template of the operator's; of kind `pack`, one for each of its shots."""

    key: str = Field(description="`copy-look` is the one of `funding: copy`.", examples=["film-poster"])
    kind: Literal["image", "edit", "video", "pack"]
    title: str = Field(description="In the user's language.", examples=["Kino afishasi"])
    sample_url: str | None = Field(description="A picture in this style.", examples=[None])
    model: str = Field(
        description="Makes it, unless another one of its kind is asked for.", examples=["image-standard"]
    )
    price: int = Field(description="Credits for one output by that model; of a pack, for all of it.", examples=[4])
    needs_prompt: bool = Field(description="Otherwise words are welcome.", examples=[True])
    inputs: int = Field(
        description="Pictures that it is made from: exactly so many. A pack has an avatar.", examples=[0]
    )
    shots: int | None = Field(description="Of a pack: how many pictures it makes.", examples=[None])
    aspect_ratio: str = Field(description="Unless another one is asked for.", examples=["3:4"])
    duration_seconds: int | None = Field(description="Of a video, unless asked for.", examples=[None])


class Product(Shape):
    """A pack, a subscription or an unlock."""

    key: str = Field(examples=["pack-starter"])
    kind: Literal["pack", "subscription", "unlock"]
    title: str = Field(description="In the user's language.", examples=["Boshlangʻich"])
    stars: int = Field(description="Telegram Stars.", examples=[100])
    rub: int | None = Field(description="By card, in kopecks; null where cards are not offered.", examples=[None])
    credits: int = Field(description="What it gives; of an unlock, what it costs instead.", examples=[100])
    days: int | None = Field(description="Of premium.", examples=[None])
    recurring: bool = Field(description="Telegram renews it every `days`.", examples=[False])


class Catalogue(Shape):
    """What can be ordered right now."""

    models: list[Model]
    styles: list[Style]
    products: list[Product]


class Options(Shape):
    """As they were chosen."""

    aspect_ratio: str = Field(description="`auto`: that of the input.", examples=["3:4"])
    count: int = Field(examples=[2])
    seed: int | None = Field(examples=[None])
    duration_seconds: int | None = Field(description="Of a video.", examples=[None])


class Progress(Shape):
    """How far it is."""

    stage: Literal["queued", "starting", "generating", "finishing", "cancelling", "done"]
    percent: int = Field(examples=[40])
    queue_position: int | None = Field(description="While queued: how many are served before, and this one.")
    eta_seconds: int | None = Field(description="What the model usually still takes.", examples=[9])


class Output(Shape):
    """A result. The links are signed and work for about an hour; ask again for new ones."""

    id: UUID = Field(examples=[_OUTPUT_ID])
    url: str = Field(examples=["https://s3.example/starbrush/generations/…/0.png?X-Amz-Signature=…"])
    preview_url: str = Field(examples=["https://s3.example/starbrush/generations/…/0-preview.jpg?X-Amz-Signature=…"])
    mime: str = Field(examples=["image/png"])
    width: int = Field(examples=[768])
    height: int = Field(examples=[1024])
    duration_seconds: float | None = Field(examples=[None])
    watermarked: bool = Field(examples=[False])


class Failure(Shape):
    """Why a generation failed. What was held is back."""

    code: str = Field(examples=["PROVIDER_ERROR"])
    message: str = Field(description="In the user's language.")


class Generation(Shape):
    """Something that was asked for, from accepted to settled."""

    id: UUID = Field(examples=[_GENERATION_ID])
    kind: str = Field(examples=["image"])
    status: Literal["pending", "processing", "completed", "failed", "cancelled"]
    model: str = Field(examples=["image-standard"])
    prompt: str = Field(examples=["A lighthouse in a storm, oil on canvas"])
    options: Options
    price: int = Field(description="Credits, locked when it was accepted.", examples=[8])
    charged: int = Field(description="Credits that stayed with us.", examples=[0])
    returned: int = Field(description="Credits that went back.", examples=[0])
    funding: str = Field(examples=["credits"])
    progress: Progress
    outputs: list[Output]
    error: Failure | None
    parent_id: UUID | None
    inputs: list[UUID] = Field(description="Uploads that it is made from; they are kept for a while.", examples=[[]])
    style: str | None = Field(description="The style that the prompt was put into.", examples=[None])
    avatar: UUID | None = Field(description="Whom a pack shows; it may be deleted since.", examples=[None])
    created_at: Time
    started_at: Time | None
    completed_at: Time | None


class Upload(Shape):
    """A picture that can be worked from: upright, without metadata, no side above 4,096 pixels."""

    id: UUID = Field(examples=["0193c8a0-1f2e-7d3c-8b4a-5968778695a4"])
    mime: Literal["image/jpeg", "image/png", "image/webp"]
    width: int = Field(examples=[1200])
    height: int = Field(examples=[1600])
    expires_at: Time = Field(description="Until then it can be used.")


class Avatar(Shape):
    """A person to make photo packs of."""

    id: UUID = Field(examples=["0193c8a4-77d0-7f11-93c6-8b1a2c3d4e5f"])
    name: str = Field(examples=["Me"])
    photos: list[UUID] = Field(description="Uploads, in order.", examples=[["0193c8a0-1f2e-7d3c-8b4a-5968778695a4"]])
    photo_urls: list[str] = Field(
        description="Links to them, in the same order; signed, they work for about an hour.",
        examples=[["https://s3.example/starbrush/uploads/1024/…jpg?X-Amz-Signature=…"]],
    )
    created_at: Time


class Draft(Shape):
    """A generation as it is put together, its price locked until it expires."""

    id: UUID = Field(examples=["0193c8a1-55aa-7c31-b7d8-0a1b2c3d4e5f"])
    price: int = Field(description="Credits.", examples=[8])
    stars: int | None = Field(description="What exactly this costs in Telegram Stars; null where it is free.")
    rub: int | None = Field(description="By card, in kopecks; null where cards are not offered, or it is free.")
    status: Literal["open", "started", "expired"]
    expires_at: Time
    generation_id: UUID | None = Field(description="What it became.")


class LedgerItem(Shape):
    """One line of the statement. The balances are those after it."""

    id: int = Field(examples=[90210])
    kind: str = Field(examples=["HOLD"])
    delta_available: int = Field(examples=[-8])
    delta_held: int = Field(examples=[8])
    delta_debt: int = Field(examples=[0])
    available_after: int = Field(examples=[12])
    held_after: int = Field(examples=[8])
    debt_after: int = Field(examples=[0])
    reference: str = Field(description="What it was for: `type:id`.", examples=[f"generation:{_GENERATION_ID}"])
    text: str = Field(description="In the user's language.")
    created_at: Time


class Gift(Shape):
    """A pack for whoever opens its link first."""

    id: UUID = Field(examples=["0193c8b7-21f4-7d0c-a1b2-c3d4e5f60718"])
    link: str = Field(description="Opens it in Telegram.", examples=["https://t.me/starbrush_bot?start=gift_AZPI…"])
    status: Literal["unpaid", "open", "taken", "revoked", "closed"]


class Payment(Shape):
    """An order and what became of it."""

    id: UUID = Field(examples=[_PAYMENT_ID])
    method: Literal["stars", "tbank"]
    status: Literal["pending", "paid", "refunded", "expired", "failed", "closed"]
    link: str | None = Field(
        description="Where it is paid: for `openInvoice`, or a page.", examples=["https://t.me/$bW9uZXk"]
    )
    gift: Gift | None
    purpose: Literal["pack", "subscription", "unlock", "draft", "gift"]
    product: str | None = Field(examples=["pack-starter"])
    amount: int = Field(description="Stars, or kopecks.", examples=[100])
    currency: Literal["XTR", "RUB"]
    credits: int = Field(examples=[100])
    draft_id: UUID | None
    generation_id: UUID | None = Field(description="What it unlocks, or what it has started.")
    created_at: Time
    expires_at: Time
    paid_at: Time | None


class Redemption(Shape):
    """What a promo code gave: one of the two."""

    credits: int | None = Field(examples=[50])
    percent: int | None = Field(description="Off the next pack.", examples=[None])


class Rewards(Shape):
    """Credits for invitations."""

    escrow: int = Field(description="Waiting until the purchase can no longer be refunded.", examples=[20])
    paid: int = Field(examples=[40])
    reversed: int = Field(examples=[0])


class Referral(Shape):
    """Somebody who came, and what they brought."""

    status: str = Field(examples=["escrow"])
    reward: int = Field(examples=[20])
    invited_at: Time
    due_at: Time | None


class Referrals(Shape):
    """Everybody who came by the user's link."""

    link: str = Field(examples=["https://t.me/starbrush_bot?start=ref_sg"])
    invited: int = Field(examples=[3])
    rewards: Rewards
    items: list[Referral] = Field(description="The newest.")
