"""Drafts, generations and everything that hangs on them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Identity, Index, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Status(StrEnum):
    """A generation's status; the last three are final. FAILED and CANCELLED mean that the hold went back."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


OPEN_STATUSES = (Status.PENDING, Status.PROCESSING)
TERMINAL_STATUSES = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)

_OPEN = text("status IN ('PENDING', 'PROCESSING')")


class Kind(StrEnum):
    """What is made."""

    IMAGE = "image"
    EDIT = "edit"
    VIDEO = "video"
    UPSCALE = "upscale"
    PACK = "pack"

    @property
    def vendor_kind(self) -> str:
        """What a vendor is asked for: each shot of a pack is an edit of the avatar's photos."""
        return Kind.EDIT.value if self is Kind.PACK else self.value


class Funding(StrEnum):
    """Who pays: the user's credits, or the house, once or a few times a day and with a watermark.

    COPY is the quota of its own that copying a look has.
    """

    CREDITS = "credits"
    FREE = "free"
    COPY = "copy"


class Awaits(StrEnum):
    """What a draft waits for: the user's next message of this sort completes a copy of it."""

    PHOTO = "photo"
    TEXT = "text"
    EITHER = "either"


class Origin(StrEnum):
    """The surface through which it came."""

    BOT = "bot"
    API = "api"


class AttemptState(StrEnum):
    """A create at a vendor. INTENT: about to be sent, or sent without an answer that we know of.

    INVALID: the vendor cannot read what this route sends, and will not the second time.
    """

    INTENT = "INTENT"
    RUNNING = "RUNNING"
    MADE = "MADE"
    FAILED = "FAILED"
    INVALID = "INVALID"
    REJECTED = "REJECTED"
    NOT_TAKEN = "NOT_TAKEN"
    UNKNOWN = "UNKNOWN"
    CANCELLED = "CANCELLED"


class Draft(Base):
    """A generation as it is being put together, its price locked. Buttons that spend carry a draft's id.

    `origin_generation_id` is the generation whose prompt it repeats: what deletes that one deletes the draft.
    `files` are files of the chat, fetched into `inputs` when the card is put together; an album's parts share one.
    """

    __tablename__ = "drafts"
    __table_args__ = (
        Index("drafts_user", "user_id", text("created_at DESC")),
        Index("drafts_expiry", "expires_at"),
        Index("drafts_generation", "generation_id", postgresql_where=text("generation_id IS NOT NULL")),
        Index("drafts_origin", "origin_generation_id", postgresql_where=text("origin_generation_id IS NOT NULL")),
        Index("drafts_waiting", "user_id", text("created_at DESC"), postgresql_where=text("awaits IS NOT NULL")),
        Index(
            "drafts_album",
            "user_id",
            "media_group_id",
            unique=True,
            postgresql_where=text("media_group_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(Text)
    model_key: Mapped[str] = mapped_column(Text)
    prompt: Mapped[str] = mapped_column(Text)
    negative_prompt: Mapped[str | None] = mapped_column(Text)
    options: Mapped[Any] = mapped_column(JSONB)
    inputs: Mapped[Any] = mapped_column(ARRAY(Uuid()), server_default=text("'{}'"))
    awaits: Mapped[str | None] = mapped_column(Text)
    media_group_id: Mapped[str | None] = mapped_column(Text)
    files: Mapped[Any] = mapped_column(JSONB, server_default=text("'[]'"))
    style_key: Mapped[str | None] = mapped_column(Text)
    avatar_id: Mapped[UUID | None]
    funding: Mapped[str] = mapped_column(Text, server_default="credits")
    price_credits: Mapped[int]
    parent_id: Mapped[UUID | None]
    update_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    generation_id: Mapped[UUID | None]
    origin_generation_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    expires_at: Mapped[datetime]


class Generation(Base):
    """One request of a user, from accepted to settled.

    `prompt` are the user's words; `rendered_prompt` is what a style has made of them, and the vendor is told.
    """

    __tablename__ = "generations"
    __table_args__ = (
        CheckConstraint(
            "status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')", name="generations_status_known"
        ),
        CheckConstraint(
            "price_credits >= 0 AND charged_credits + returned_credits <= price_credits", name="generations_money"
        ),
        # A client's key may be used again once its generation has failed or was cancelled …
        Index(
            "generations_api_key",
            "user_id",
            "request_key",
            unique=True,
            postgresql_where=text("request_key LIKE 'api:%' AND status IN ('PENDING', 'PROCESSING', 'COMPLETED')"),
        ),
        # … but the key of an update or of a draft never: Telegram repeats updates for a day (trap 29).
        Index(
            "generations_own_key",
            "request_key",
            unique=True,
            postgresql_where=text("request_key NOT LIKE 'api:%'"),
        ),
        Index("generations_user_created", "user_id", text("created_at DESC"), text("id DESC")),
        Index("generations_ring", "next_ring_at", postgresql_where=_OPEN),
        Index(
            "generations_uncollected",
            "settled_at",
            postgresql_where=text(
                "settled_at IS NOT NULL AND collected_at IS NULL AND (fence > 1 OR deleted_at IS NOT NULL)"
            ),
        ),
        Index("generations_lease", "lease_owner", postgresql_where=text("lease_owner IS NOT NULL")),
        Index("generations_pending", "created_at", postgresql_where=text("status = 'PENDING'")),
        Index("generations_open_user", "user_id", postgresql_where=_OPEN),
        Index(
            "generations_money_back",
            "settled_at",
            postgresql_where=text("money_back AND status IN ('FAILED', 'CANCELLED')"),
        ),
        Index("generations_p50", "model_key", text("completed_at DESC"), postgresql_where=text("status = 'COMPLETED'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(Text)
    model_key: Mapped[str] = mapped_column(Text)
    prompt: Mapped[str] = mapped_column(Text)
    negative_prompt: Mapped[str | None] = mapped_column(Text)
    options: Mapped[Any] = mapped_column(JSONB)
    # uploads, in order; no foreign keys, since the rows go when the pictures do
    inputs: Mapped[Any] = mapped_column(ARRAY(Uuid()), server_default=text("'{}'"))
    # no foreign key: what was made outlives the style
    style_key: Mapped[str | None] = mapped_column(Text)
    # of a photo pack; its photos are the inputs, so that it need not be there any more
    avatar_id: Mapped[UUID | None]
    rendered_prompt: Mapped[str | None] = mapped_column(Text)
    output_count: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    origin: Mapped[str] = mapped_column(Text)
    funding: Mapped[str] = mapped_column(Text)
    price_credits: Mapped[int]
    charged_credits: Mapped[int] = mapped_column(server_default="0")
    returned_credits: Mapped[int] = mapped_column(server_default="0")
    request_key: Mapped[str | None] = mapped_column(Text)
    body_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    parent_id: Mapped[UUID | None]
    draft_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(Text, server_default="PENDING")
    stage: Mapped[str] = mapped_column(Text, server_default="queued")
    percent: Mapped[int] = mapped_column(server_default="0")
    error_code: Mapped[str | None] = mapped_column(Text)
    # pay and go: when it fails, the money goes back and not the credits
    money_back: Mapped[bool] = mapped_column(server_default=text("false"))
    # the product's clock
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    completed_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    # the machine's clock
    accepted_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    started_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    collected_at: Mapped[datetime | None]
    collect_after: Mapped[datetime | None]
    start_by: Mapped[datetime]
    timeout_at: Mapped[datetime | None]
    next_poll_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    # leases and rings
    lease_owner: Mapped[UUID | None]
    fence: Mapped[int] = mapped_column(server_default="0")
    ring_number: Mapped[int] = mapped_column(server_default="1")
    next_ring_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    faults: Mapped[int] = mapped_column(server_default="0")
    # the chat's progress message
    progress_message_id: Mapped[int | None] = mapped_column(BigInteger)
    progressed_at: Mapped[datetime | None]


class GenerationEvent(Base):
    """A change of status; append-only."""

    __tablename__ = "generation_events"
    __table_args__ = (Index("generation_events_generation", "generation_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    generation_id: Mapped[UUID] = mapped_column(ForeignKey("generations.id", ondelete="RESTRICT"))
    old_status: Mapped[str | None] = mapped_column(Text)
    new_status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))


class GenerationOutput(Base):
    """A stored result. The row names the winner: objects under other fences are collected later.

    While it is `watermarked`, its clean copies wait under keys that nobody is told.
    """

    __tablename__ = "generation_outputs"
    __table_args__ = (
        CheckConstraint("watermarked = (clean_key IS NOT NULL)", name="generation_outputs_clean"),
        Index("generation_outputs_index", "generation_id", "output_index", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    generation_id: Mapped[UUID] = mapped_column(ForeignKey("generations.id", ondelete="RESTRICT"))
    output_index: Mapped[int]
    fence: Mapped[int]
    storage_key: Mapped[str] = mapped_column(Text)
    preview_key: Mapped[str | None] = mapped_column(Text)
    thumbnail_key: Mapped[str] = mapped_column(Text)
    mime: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    preview_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    duration_seconds: Mapped[float | None] = mapped_column(Float)
    watermarked: Mapped[bool] = mapped_column(server_default=text("false"))
    clean_key: Mapped[str | None] = mapped_column(Text)
    clean_preview_key: Mapped[str | None] = mapped_column(Text)
    clean_thumbnail_key: Mapped[str | None] = mapped_column(Text)
    clean_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    clean_preview_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    unlocked_at: Mapped[datetime | None]
    photo_file_id: Mapped[str | None] = mapped_column(Text)
    document_file_id: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class PackShot(Base):
    """One shot of a photo pack, with the words it is asked for with. `lost_reason`: why it was skipped."""

    __tablename__ = "pack_shots"

    generation_id: Mapped[UUID] = mapped_column(ForeignKey("generations.id", ondelete="RESTRICT"), primary_key=True)
    output_index: Mapped[int] = mapped_column(primary_key=True)
    prompt: Mapped[str] = mapped_column(Text)
    lost_reason: Mapped[str | None] = mapped_column(Text)


class ProviderAttempt(Base):
    """One create at a vendor, written before the call, so that a successor can adopt what came of it."""

    __tablename__ = "provider_attempts"
    __table_args__ = (
        Index("provider_attempts_output", "generation_id", "output_index", "number", unique=True),
        Index("provider_attempts_task", "task_id", postgresql_where=text("state = 'RUNNING'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    generation_id: Mapped[UUID] = mapped_column(ForeignKey("generations.id", ondelete="RESTRICT"))
    output_index: Mapped[int]
    number: Mapped[int]
    route_id: Mapped[UUID]
    provider: Mapped[str] = mapped_column(Text)
    vendor_model: Mapped[str] = mapped_column(Text)
    shape: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    state: Mapped[str] = mapped_column(Text, server_default="INTENT")
    fence: Mapped[int]
    counts: Mapped[bool] = mapped_column(server_default=text("true"))
    task_id: Mapped[str | None] = mapped_column(Text)
    result_url: Mapped[str | None] = mapped_column(Text)
    result_mime: Mapped[str | None] = mapped_column(Text)
    percent: Mapped[int | None]
    polls: Mapped[int] = mapped_column(server_default="0")
    unreachable_since: Mapped[datetime | None]
    cost_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    estimate_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    detail: Mapped[str] = mapped_column(Text, server_default="")
    intended_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    finished_at: Mapped[datetime | None]
