"""Gifts: opened by their link, or shown to who has bought them."""

from uuid import UUID

from app.bot.conversation import Conversation
from app.domain.errors import NotFound, PaymentConsumed
from app.domain.payments.views import GiftView


async def open_gift(conversation: Conversation, gift_id: UUID) -> None:
    """Give it to whoever comes first; its buyer is offered to send it on or to take it back.

    Raises: UserBanned, UserSuspended.
    """
    try:
        opened = await conversation.services.gifts.open(conversation.actor, gift_id)
    except (NotFound, PaymentConsumed):
        await conversation.say("gift-gone")
        return
    if opened.is_own:
        await conversation.show("gift", gift_params(opened.gift))
        return
    user = await conversation.services.users.get(conversation.user.id)
    await conversation.show("gift-opened", {"credits": opened.credits, "balance": user.credits})


def gift_params(gift: GiftView) -> dict[str, object]:
    """A gift of one's own."""
    return {"gift_id": str(gift.id), "state": gift.state.value, "credits": gift.credits, "link": gift.link}
