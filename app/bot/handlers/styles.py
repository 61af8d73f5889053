"""/styles: the list, page by page; one of them with its sample and what it needs; a style for what was begun."""

from typing import Final

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from app.adapters.telegram.callbacks import Action, Tap
from app.bot.cards import show_card
from app.bot.conversation import Conversation
from app.bot.taps import OnTap
from app.domain.catalog.views import COPY_STYLE, Style
from app.domain.generations.cards import style_question
from app.domain.generations.models import Kind
from app.domain.generations.views import DraftView

_PER_PAGE: Final = 7
# A double tap is two updates; one sample and one question are enough.
_DOUBLE_TAP_SECONDS: Final = 1


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="styles")
    router.message.register(offer, Command("styles"))
    router.callback_query.register(turn, OnTap(Action.STYLES, with_id=False))
    router.callback_query.register(choose, OnTap(Action.STYLE, with_id=False))
    return router


async def offer(_message: Message, conversation: Conversation) -> None:
    """The first page of all that can be had now."""
    await conversation.show("styles", await _page(conversation, None, 0))


async def turn(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Another page in the same message; from elsewhere the first one in a new message."""
    draft = None if tap.id is None else await conversation.services.drafts.get(conversation.actor, tap.id)
    params = await _page(conversation, draft, tap.number or 0)
    if tap.value:
        await conversation.edit("styles", params)
    else:
        await conversation.show("styles", params)


async def choose(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Show what the style looks like and ask for what it needs; for what was begun, show its card."""
    style = await conversation.services.catalog.get_style(tap.value)
    if not await conversation.may(f"style:{tap.id}:{style.key}", limit=1, window_seconds=_DOUBLE_TAP_SECONDS):
        return
    draft = await conversation.services.drafts.put_in_style(
        conversation.actor, tap.id, style.key, update_id=conversation.update_id
    )
    if tap.id is None:
        await conversation.show("style", await _style(conversation, style), photo_url=style.sample_url)
    elif draft.awaits is not None:
        await conversation.show("style-needs", style_question(style, draft.awaits))
    else:
        await show_card(conversation, draft)


async def _page(conversation: Conversation, draft: DraftView | None, number: int) -> dict[str, object]:
    given = 0 if draft is None else len(draft.inputs)
    styles = [
        style
        for style in await conversation.services.catalog.list_styles()
        # What somebody has begun fits a style that needs as much or more; words alone, one that needs no photo.
        if draft is None or (style.inputs >= given > 0) or (style.inputs == given)
    ]
    number = min(number, max(0, (len(styles) - 1) // _PER_PAGE))
    shown = styles[number * _PER_PAGE : (number + 1) * _PER_PAGE]
    return {
        "draft_id": None if draft is None else str(draft.id),
        "styles": [
            {
                "key": style.key,
                "title": style.title(conversation.language),
                "price": style.price_credits,
                "asks": _asks(style),
            }
            for style in shown
        ],
        "page": number,
        "has_next": (number + 1) * _PER_PAGE < len(styles),
    }


async def _style(conversation: Conversation, style: Style) -> dict[str, object]:
    is_copy = style.key == COPY_STYLE
    account = await conversation.services.accounts.me(conversation.actor) if is_copy else None
    return {
        "title": style.title(conversation.language),
        "price": style.price_credits,
        "asks": _asks(style),
        "free_left": account.copy_left if account else 0,
    }


def _asks(style: Style) -> str:
    """What it is made from, by the word of the catalogues."""
    if style.key == COPY_STYLE:
        return "look"
    if style.inputs == 0:
        return "words"
    return "video" if style.kind == Kind.VIDEO else "photo"
