"""/balance: what is available, held and owed, and the statement, page by page."""

from typing import Final

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from app.adapters.telegram.callbacks import Action, Tap
from app.bot.conversation import Conversation
from app.bot.paging import page_number, page_of
from app.bot.taps import OnTap
from app.domain.credits.service import LedgerItem

_PER_PAGE: Final = 8


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="balance")
    router.message.register(show, Command("balance"))
    router.callback_query.register(turn, OnTap(Action.BALANCE, with_id=False))
    return router


async def show(_message: Message, conversation: Conversation) -> None:
    """The newest page."""
    await conversation.show("balance", await _params(conversation, 0))


async def turn(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Another page, in place of this one."""
    params = await _params(conversation, page_number(tap.value))
    await conversation.edit("balance", params)


async def _params(conversation: Conversation, number: int) -> dict[str, object]:
    page = await page_of(
        number, _PER_PAGE, lambda limit: conversation.services.credits.statement(conversation.actor, limit=limit)
    )
    user = conversation.user
    return {
        "credits": user.credits,
        "held": user.held,
        "debt": user.debt,
        "items": [_item(item) for item in page.items],
        "page": page.number,
        "has_next": page.has_next,
    }


def _item(item: LedgerItem) -> dict[str, object]:
    return {
        "kind": item.kind,
        "key": item.text_key,
        "delta_available": item.delta_available,
        "delta_held": item.delta_held,
        "delta_debt": item.delta_debt,
        # The end of the id: enough to see which hold a charge belongs to.
        "mark": item.reference_id[-6:] if item.reference_type == "generation" else "",
        "created_at": item.created_at.isoformat(),
    }
