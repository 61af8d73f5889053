"""/invite: the link, and what came of it."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from app.bot.conversation import Conversation


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="invite")
    router.message.register(show, Command("invite"))
    return router


async def show(_message: Message, conversation: Conversation) -> None:
    """How many came, and what was earned by it."""
    summary = await conversation.services.referrals.summary(conversation.actor)
    await conversation.show(
        "invite",
        {
            "link": summary.link,
            "reward": conversation.settings.referral_reward,
            "days": conversation.settings.refund_window_days,
            "invited": summary.invited,
            "paid": summary.paid,
            "escrow": summary.escrow,
        },
    )
