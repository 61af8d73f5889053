"""/subscription: what one has subscribed to; stop its renewal, take it up again."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from app.adapters.telegram.callbacks import Action
from app.bot.conversation import Conversation
from app.bot.middlewares import OPEN_TO_ALL
from app.bot.taps import OnTap
from app.domain.payments.views import SubscriptionView


def build_router() -> Router:
    """The handlers of this topic. Whoever is banned can still stop paying."""
    router = Router(name="subscription")
    flags = {OPEN_TO_ALL: True}
    router.message.register(show, Command("subscription"), flags=flags)
    router.callback_query.register(show_anew, OnTap(Action.SUBSCRIPTION, with_id=False), flags=flags)
    router.callback_query.register(cancel, OnTap(Action.SUBSCRIPTION_CANCEL, with_id=False), flags=flags)
    router.callback_query.register(resume, OnTap(Action.SUBSCRIPTION_RESUME, with_id=False))
    return router


async def show(_message: Message, conversation: Conversation) -> None:
    """Until when, and whether it goes on by itself."""
    current = await conversation.services.subscriptions.find_current(conversation.actor)
    await conversation.show("subscription", _params(conversation, current))


async def show_anew(_query: CallbackQuery, conversation: Conversation) -> None:
    """The same from a button, in a message of its own."""
    current = await conversation.services.subscriptions.find_current(conversation.actor)
    await conversation.show("subscription", _params(conversation, current))


async def cancel(_query: CallbackQuery, conversation: Conversation) -> None:
    """Telegram renews it no more; what is paid stays."""
    current = await conversation.services.subscriptions.cancel(conversation.actor)
    await conversation.edit("subscription", _params(conversation, current))


async def resume(_query: CallbackQuery, conversation: Conversation) -> None:
    """Telegram renews it again."""
    current = await conversation.services.subscriptions.resume(conversation.actor)
    await conversation.edit("subscription", _params(conversation, current))


def _params(conversation: Conversation, current: SubscriptionView | None) -> dict[str, object]:
    if current is None:
        return {"period_end": None, "in_force": conversation.user.tier != "free"}
    return {
        "period_end": current.period_end.isoformat(),
        "in_force": current.in_force,
        "recurring": current.recurring,
        "state": current.state.value,
    }
