"""Cards: what a draft shows and offers, and what is asked about it."""

from collections.abc import Callable, Sequence

from app.core.db import Database
from app.domain.avatars import repository as avatars
from app.domain.avatars.service import MOST_PHOTOS
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import COPY_STYLE, Model, Style
from app.domain.errors import (
    InsufficientCredits,
    ValidationFailed,
)
from app.domain.generations import free
from app.domain.generations.models import Awaits, Funding, Kind
from app.domain.generations.options import check_funding
from app.domain.generations.styling import house_funding
from app.domain.generations.views import ChatFile, DraftView
from app.domain.limits.quotas import FreeQuotas
from app.domain.users.views import UserView


class CardService:
    """What a card shows."""

    def __init__(
        self, db: Database, catalog: CatalogService, *, quotas: FreeQuotas, stars_for: Callable[[int], int]
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._quotas = quotas
        self._stars_for = stars_for

    async def card(self, user: UserView, draft: DraftView) -> dict[str, object]:
        """A draft with what else can be chosen. A model that is sold no longer is shown by its key, without choices."""
        models = [model for model in await self._catalog.list_models() if model.kind == draft.kind]
        keys = [model.key for model in models]
        current = next((model for model in models if model.key == draft.model_key), None)
        following = models[(keys.index(current.key) + 1) % len(models)] if current else next(iter(models), None)
        has_choice = following is not None and following is not current
        # A pack's style is what it is called.
        style_key = None if draft.kind is Kind.PACK else draft.style_key
        style = None if style_key is None else await self._catalog.find_style(style_key)
        return {
            "draft_id": str(draft.id),
            "kind": draft.kind.value,
            "prompt": draft.prompt,
            "style_title": style.title(user.language) if style else style_key,
            "inputs": len(draft.inputs),
            "model_title": await self._title(user, draft, current),
            **await self._avatar(draft),
            "next_model_key": following.key if following and has_choice else None,
            "ratio": draft.options.aspect_ratio,
            "ratios": list(current.aspect_ratios) if current else [],
            "count": draft.options.count,
            # Of a pack, the style says how many.
            "max_count": current.max_count if current and draft.kind is not Kind.PACK else 1,
            "durations": list(current.durations) if current else [],
            "duration": draft.options.duration_seconds,
            "price": draft.price_credits,
            "quick_mode": user.quick_mode,
            "balance": user.credits,
            "free_left": await self.free_left(user, draft),
            "notes": notes_of(draft.files),
        }

    async def _title(self, user: UserView, draft: DraftView, model: Model | None) -> str:
        """The model's name; a pack's own."""
        if draft.kind is Kind.PACK and draft.style_key is not None:
            pack = await self._catalog.find_pack(draft.style_key)
            return pack.title(user.language) if pack else draft.style_key
        return model.title(user.language) if model else draft.model_key

    async def _avatar(self, draft: DraftView) -> dict[str, object]:
        """Whom a pack shows, without a name when they are deleted; whether more photos of them are taken."""
        avatar = None
        if draft.avatar_id is not None:
            async with self._db.read() as reader:
                avatar = await avatars.find(reader, draft.user_id, draft.avatar_id)
        photos = len(avatar.photos) if avatar else 0
        return {
            "avatar": avatar.name if avatar else None,
            "avatar_photos": photos,
            "gathers": draft.kind is Kind.PACK and draft.awaits is Awaits.PHOTO and photos < MOST_PHOTOS,
        }

    async def short(self, user: UserView, draft: DraftView, error: InsufficientCredits) -> dict[str, object]:
        """By how much the credits are short for a draft, and the ways on."""
        return {
            "draft_id": str(draft.id),
            "required": error.params["required"],
            "available": error.params["available"],
            "stars": self._stars_for(draft.price_credits),
            "free_left": await self.free_left(user, draft),
        }

    async def free_left(self, user: UserView, draft: DraftView) -> int:
        """How often today the house would pay for this draft."""
        funding = house_funding(draft.style_key)
        try:
            check_funding(funding, draft.kind, draft.options, inputs=len(draft.inputs))
        except ValidationFailed:
            return 0
        async with self._db.read() as reader:
            left = await free.find_left(reader, user.id, self._quotas)
        return left.copies if funding is Funding.COPY else left.generations


def question_of(draft: DraftView) -> dict[str, object]:
    """Photos that came without words: what is asked about them, and whether the next message answers it."""
    return {
        "draft_id": str(draft.id),
        "is_open": draft.awaits is not None,
        "kind": draft.kind.value,
        "inputs": len(draft.inputs),
        "notes": notes_of(draft.files),
    }


def style_question(style: Style, missing: Awaits) -> dict[str, object]:
    """What a style still needs, of a draft that has begun to be complete."""
    look = missing is Awaits.PHOTO and style.key == COPY_STYLE
    return {"asks": "look-second" if look else "another" if missing is Awaits.PHOTO else "words"}


def notes_of(files: Sequence[ChatFile]) -> list[dict[str, object]]:
    """What is to be said of the files that were not taken, each thing once."""
    notes: dict[str, dict[str, object]] = {}
    for file in files:
        if file.problem is not None:
            key = f"{file.problem} {sorted(file.problem_args.items())}"
            notes.setdefault(key, {"key": file.problem, "args": dict(file.problem_args)})
    return list(notes.values())
