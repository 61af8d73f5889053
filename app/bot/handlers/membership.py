"""my_chat_member: who blocks the bot is sent nothing more, who unblocks it gets what was owed."""

from aiogram import F, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.types import ChatMemberUpdated

from app.bot.middlewares import identity_of
from app.container import Container


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="membership")
    router.my_chat_member.filter(F.chat.type == ChatType.PRIVATE)
    router.my_chat_member.register(leave, F.new_chat_member.status == ChatMemberStatus.KICKED)
    router.my_chat_member.register(come_back, F.new_chat_member.status == ChatMemberStatus.MEMBER)
    return router


async def leave(event: ChatMemberUpdated, container: Container) -> None:
    """The user blocked the bot."""
    await container.services.accounts.mark_unreachable(event.from_user.id)


async def come_back(event: ChatMemberUpdated, container: Container) -> None:
    """The user unblocked it; whoever enters is owed again what could not be sent."""
    await container.services.accounts.enter(identity_of(event.from_user))
