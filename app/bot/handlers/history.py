"""/history: everything a user has made, page by page; open, repeat, delete."""

from typing import Final

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from app.adapters.telegram import keyboards
from app.adapters.telegram.callbacks import Action, Tap
from app.bot.cards import show_card
from app.bot.conversation import Conversation
from app.bot.paging import page_number, page_of
from app.bot.taps import OnTap
from app.bot.views import generation_params, show_generation
from app.domain.generations.models import Status

_PER_PAGE: Final = 5
_STATUSES: Final = {"all": None, "done": Status.COMPLETED.value, "failed": Status.FAILED.value}


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="history")
    router.message.register(show, Command("history"))
    router.callback_query.register(turn, OnTap(Action.HISTORY, with_id=False))
    router.callback_query.register(open_item, OnTap(Action.OPEN))
    router.callback_query.register(repeat, OnTap(Action.REPEAT))
    router.callback_query.register(ask_before_deletion, OnTap(Action.DELETE))
    router.callback_query.register(keep, OnTap(Action.KEEP))
    router.callback_query.register(delete, OnTap(Action.DELETE_SURELY))
    return router


async def show(_message: Message, conversation: Conversation) -> None:
    """The newest page of everything."""
    await conversation.show("history", await _params(conversation, "all", None, 0))


async def turn(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Another page or filter, in place of this one. Whatever no button of ours says filters nothing."""
    status, _, rest = tap.value.partition(".")
    kind, _, number = rest.rpartition(".")
    params = await _params(
        conversation,
        status if status in _STATUSES else "all",
        kind if kind in keyboards.HISTORY_KINDS else None,
        page_number(number),
    )
    await conversation.edit("history", params)


async def open_item(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Show one of them again."""
    view = await conversation.services.generations.get(conversation.actor, tap.subject)
    await show_generation(conversation, view)


async def repeat(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """The card of the same once more. The update is the draft's key: when it is repeated, so is the card."""
    draft = await conversation.services.drafts.repeat(
        conversation.actor, tap.subject, variation=False, update_id=conversation.update_id
    )
    await show_card(conversation, draft)


async def ask_before_deletion(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Ask once more."""
    await conversation.edit_buttons(keyboards.delete_confirmation(conversation.words, str(tap.subject)))


async def keep(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Back to what can be done with it."""
    view = await conversation.services.generations.get(conversation.actor, tap.subject)
    await conversation.answer("toast-kept")
    await conversation.edit_buttons(keyboards.history_item(conversation.words, generation_params(conversation, view)))


async def delete(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Delete it: pictures and text are gone for good, and this message with them."""
    await conversation.services.generations.delete(conversation.actor, tap.subject)
    await conversation.remove_tapped()
    await conversation.say("deleted")
    await conversation.answer("toast-deleted")


async def _params(conversation: Conversation, chosen: str, kind: str | None, number: int) -> dict[str, object]:
    page = await page_of(
        number,
        _PER_PAGE,
        lambda limit: conversation.services.generations.list_(
            conversation.actor, limit=limit, kind=kind, status=_STATUSES[chosen]
        ),
    )
    return {
        "filter": chosen,
        "kind": kind,
        "items": [generation_params(conversation, view) for view in page.items],
        "page": page.number,
        "has_next": page.has_next,
    }
