"""Redeems promo codes, from the command and from links alike."""

import hashlib

from app.bot.conversation import Conversation
from app.domain.limits.request_keys import RequestKey


async def redeem(conversation: Conversation, code: str) -> None:
    """Redeem it and say what it gave. A repeated update says the same again. Raises: as `PromotionService.redeem`."""
    request_key = RequestKey(f"tg:{conversation.update_id}", "promo", hashlib.sha256(code.encode()).digest())
    redemption = await conversation.services.promotions.redeem(conversation.actor, code, request_key=request_key)
    if redemption.percent is not None:
        await conversation.show("promo-percent", {"percent": redemption.percent})
    else:
        await conversation.say("promo-credits", credits=redemption.credits)
