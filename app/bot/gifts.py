"""Gifts as parameters of messages."""

from app.bot.conversation import Conversation
from app.domain.payments.views import GiftView


async def show_gift(conversation: Conversation, gift: GiftView) -> None:
    """Answer with a gift of one's own: the link to send on, while nobody has opened it."""
    await conversation.show("gift", gift_params(gift))


def gift_params(gift: GiftView) -> dict[str, object]:
    """A gift of one's own."""
    return {"gift_id": str(gift.id), "state": gift.state.value, "credits": gift.credits, "link": gift.link}
