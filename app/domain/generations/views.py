"""What surfaces see of drafts and generations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain.generations.models import Awaits, Funding, Kind, Origin, Status


class Stage(StrEnum):
    """Where an open generation is; DONE for every final one."""

    QUEUED = "queued"
    STARTING = "starting"
    GENERATING = "generating"
    FINISHING = "finishing"
    CANCELLING = "cancelling"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen. Without a seed, one is drawn at submission; `duration_seconds` is for videos alone."""

    aspect_ratio: str
    count: int = 1
    seed: int | None = None
    duration_seconds: int | None = None

    def as_json(self) -> dict[str, object]:
        """The options as they are stored."""
        chosen = {"seed": self.seed, "duration_seconds": self.duration_seconds}
        return {"aspect_ratio": self.aspect_ratio, "count": self.count} | {
            name: value for name, value in chosen.items() if value is not None
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Options":
        """The options from what was stored."""
        seed, duration = value.get("seed"), value.get("duration_seconds")
        return cls(
            aspect_ratio=str(value["aspect_ratio"]),
            count=int(str(value["count"])),
            seed=None if seed is None else int(str(seed)),
            duration_seconds=None if duration is None else int(str(duration)),
        )


class DraftStatus(StrEnum):
    """A draft starts once, within its life."""

    OPEN = "open"
    STARTED = "started"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ChatFile:
    """A file of a message in the chat, until it is an upload (`upload_id`) or known to be none.

    `problem` is the message of the catalogues that says why not, `problem_args` its figures. `media_group_id`: its
    album, where one draft holds several.
    """

    message_id: int
    file_id: str
    size_bytes: int | None = None
    filename: str | None = None
    upload_id: UUID | None = None
    problem: str | None = None
    problem_args: Mapping[str, object] = field(default_factory=dict)
    media_group_id: str | None = None

    @property
    def is_pending(self) -> bool:
        return self.upload_id is None and self.problem is None

    def as_json(self) -> dict[str, object]:
        """The file as it is stored."""
        stored = {
            "message_id": self.message_id,
            "file_id": self.file_id,
            "size_bytes": self.size_bytes,
            "filename": self.filename,
            "upload_id": None if self.upload_id is None else str(self.upload_id),
            "problem": self.problem,
            "problem_args": dict(self.problem_args),
        }
        return stored if self.media_group_id is None else {**stored, "media_group_id": self.media_group_id}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ChatFile":
        """The file from what was stored."""
        upload_id = value["upload_id"]
        return cls(**{**value, "upload_id": None if upload_id is None else UUID(upload_id)})


@dataclass(frozen=True, slots=True)
class DraftView:
    """A generation as it is being put together; `price_credits` is locked. `inputs` are uploads.

    `origin_generation_id`: the generation whose prompt it repeats.
    `awaits`: what the user's next message is to bring. `files`: what of the chat it is made from.
    `is_repeat`: it was made before, by a request with the same key.
    """

    id: UUID
    user_id: int
    kind: Kind
    model_key: str
    prompt: str
    negative_prompt: str | None
    options: Options
    funding: Funding
    price_credits: int
    status: DraftStatus
    generation_id: UUID | None
    origin_generation_id: UUID | None
    parent_id: UUID | None
    created_at: datetime
    expires_at: datetime
    is_repeat: bool = False
    inputs: tuple[UUID, ...] = ()
    awaits: Awaits | None = None
    files: tuple[ChatFile, ...] = ()
    style_key: str | None = None
    avatar_id: UUID | None = None
    media_group_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutputView:
    """A stored result. While it is `watermarked`, its clean original is nowhere to be seen."""

    id: UUID
    index: int
    storage_key: str
    preview_key: str | None
    thumbnail_key: str
    mime: str
    width: int
    height: int
    size_bytes: int
    preview_size_bytes: int | None
    watermarked: bool
    duration_seconds: float | None
    photo_file_id: str | None
    document_file_id: str | None


@dataclass(frozen=True, slots=True)
class GenerationView:
    """A generation. `queue_position` (1 is next) while it waits, `eta_seconds` while it is open and known.

    `inputs` are the uploads that it is made from; they are kept for a while. `prompt` are the user's own words,
    whatever the style has made of them.
    """

    id: UUID
    user_id: int
    kind: Kind
    status: Status
    model_key: str
    model_titles: Mapping[str, str]
    prompt: str
    negative_prompt: str | None
    options: Options
    origin: Origin
    funding: Funding
    price_credits: int
    charged_credits: int
    returned_credits: int
    stage: Stage
    percent: int
    queue_position: int | None
    eta_seconds: int | None
    cancellable: bool
    outputs: tuple[OutputView, ...]
    error_code: str | None
    parent_id: UUID | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    inputs: tuple[UUID, ...] = ()
    style_key: str | None = None
    style_titles: Mapping[str, str] = field(default_factory=dict)
    avatar_id: UUID | None = None

    @property
    def is_open(self) -> bool:
        return self.status in {Status.PENDING, Status.PROCESSING}

    @property
    def is_money_back(self) -> bool:
        """Whether, instead of credits, the money that paid for exactly this one goes back: it was not made."""
        ended_unmade = self.status in {Status.FAILED, Status.CANCELLED}
        return ended_unmade and self.price_credits > 0 and self.returned_credits == 0

    @property
    def is_watermarked(self) -> bool:
        """Whether something can be unlocked."""
        return any(output.watermarked for output in self.outputs)

    def model_title(self, language: str) -> str:
        """The model's name in a language; a pack's own."""
        if self.kind is Kind.PACK:
            return self._style_name(language) or self.model_key
        return self.model_titles.get(language) or self.model_titles.get("en") or self.model_key

    def style_title(self, language: str) -> str | None:
        """The style's name in a language; None without a style, and of a pack, which is called by it."""
        return None if self.kind is Kind.PACK else self._style_name(language)

    def _style_name(self, language: str) -> str | None:
        return self.style_titles.get(language) or self.style_titles.get("en") or self.style_key
