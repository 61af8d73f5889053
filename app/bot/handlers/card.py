"""The card: its choices, and its first button, which starts."""

from aiogram import Router
from aiogram.types import CallbackQuery

from app.adapters.telegram.callbacks import Action, Tap
from app.adapters.telegram.keyboards import ON_CARD
from app.bot.cards import answer_start, edit_card, start, start_free
from app.bot.conversation import Conversation
from app.bot.taps import OnTap


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="card")
    router.callback_query.register(start_card, OnTap(Action.START))
    router.callback_query.register(start_free_card, OnTap(Action.START_FREE))
    router.callback_query.register(choose, OnTap(Action.MODEL, Action.RATIO, Action.COUNT, Action.DURATION))
    return router


async def start_card(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Start it at the price on the button. The card then holds a new draft: the next tap is another order."""
    started = await start(conversation, tap.subject, tap.value)
    if started.following is not None:
        await edit_card(conversation, started.following)
    await answer_start(conversation, started)


async def start_free_card(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Start it at the house's expense; from a card, which then holds a new draft, or from another message."""
    started = await start_free(conversation, tap.subject)
    if started.following is not None and tap.value == ON_CARD:
        await edit_card(conversation, started.following)
    await answer_start(conversation, started)


async def choose(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Change the model, the ratio, the count or the length; it is remembered for the next card."""
    draft = await conversation.services.drafts.adjust(
        conversation.actor,
        tap.subject,
        model_key=tap.value if tap.action is Action.MODEL else None,
        aspect_ratio=tap.value if tap.action is Action.RATIO else None,
        count=tap.number if tap.action is Action.COUNT else None,
        duration_seconds=tap.number if tap.action is Action.DURATION else None,
    )
    await edit_card(conversation, draft)
