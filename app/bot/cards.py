"""Shows drafts as cards, and starts them."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.bot.bills import offer_payment
from app.bot.conversation import Conversation
from app.core.errors import AppError
from app.domain.errors import DuplicateRequest, InsufficientCredits, NotFound, RateLimitExceeded, StyleUnavailable
from app.domain.generations.models import Funding, Kind, Origin
from app.domain.generations.styling import house_funding
from app.domain.generations.views import DraftStatus, DraftView

# The second tap of a slow double tap comes after the bot's edit; who wants another picture looks at the first answer.
_DOUBLE_TAP_SECONDS: Final = 1


async def show_card(conversation: Conversation, draft: DraftView) -> None:
    """Answer with a new card."""
    await conversation.show("card", await conversation.services.draft_cards.card(conversation.user, draft))


async def show_or_start(conversation: Conversation, draft: DraftView) -> None:
    """Show a new draft's card, or start it for who opted in to quick mode."""
    if not conversation.user.quick_mode:
        await show_card(conversation, draft)
        return
    try:
        # The draft is the update's, and its id the only key under which it starts: repeated after its card was
        # started by hand, the same update must not start it a second time.
        await conversation.services.drafts.start_written(conversation.actor, draft, origin=Origin.BOT)
    except InsufficientCredits as error:
        await offer_payment(conversation, draft, error)
    except DuplicateRequest:
        # Telegram repeated the update: it was accepted the first time, and its progress is on the way.
        return


async def ask_for_words(conversation: Conversation, draft: DraftView) -> None:
    """Ask for the prompt of a draft that waits for it."""
    if draft.kind is Kind.VIDEO:
        await conversation.say("ask-motion" if draft.inputs else "ask-video")
    else:
        await conversation.say("ask-edit")


async def edit_card(conversation: Conversation, draft: DraftView) -> None:
    """Bring the tapped card up to date."""
    await conversation.edit("card", await conversation.services.draft_cards.card(conversation.user, draft))


@dataclass(frozen=True, slots=True)
class StartTap:
    """What came of a tap on a start: the draft that the button is to start next, if any, and the word for the user."""

    following: DraftView | None
    answer: str
    is_alert: bool = False
    price: int = 0


async def start(conversation: Conversation, draft_id: UUID, shown_price: str) -> StartTap:
    """Start a draft.

    A price that is not the one on the button is said first: a card may have missed its last edit, and the catalogue
    may have changed since a result's buttons were made.
    """
    if not await conversation.may_start(every_seconds=_DOUBLE_TAP_SECONDS):
        return StartTap(None, "toast-already-started")
    services, actor = conversation.services, conversation.actor
    draft = await services.drafts.get(actor, draft_id)
    if draft.status is DraftStatus.OPEN and str(draft.price_credits) != shown_price:
        return _renewed(draft)
    try:
        await services.drafts.start(actor, draft_id, origin=Origin.BOT)
    except DuplicateRequest:
        # The second tap of a double tap, or a repeated update: it has been accepted, nothing else happens.
        return StartTap(await _next(conversation, draft_id), "toast-already-started")
    except InsufficientCredits as error:
        # The sentence over the chat says how much is missing; the message below it, what can be done.
        await offer_payment(conversation, draft, error)
        raise
    except NotFound:
        return _renewed(await services.drafts.renew(actor, draft_id))
    except StyleUnavailable:
        if draft.kind is not Kind.PACK:
            raise
        # One that has another size by now is still sold, at another price.
        renewed = await services.drafts.renew(actor, draft_id)
        if renewed.options.count == draft.options.count:
            raise
        return _renewed(renewed)
    return StartTap(await _next(conversation, draft_id), "toast-started")


async def start_free(conversation: Conversation, draft_id: UUID) -> StartTap:
    """Start a draft at the house's expense, once a tap; the card then holds one that is paid for again."""
    if not await conversation.may_start(every_seconds=_DOUBLE_TAP_SECONDS):
        return StartTap(None, "toast-already-started")
    drafts, actor = conversation.services.drafts, conversation.actor
    draft = await drafts.get(actor, draft_id)
    if draft.status is DraftStatus.STARTED:
        return StartTap(None, "toast-already-started")
    draft = await drafts.adjust(actor, draft_id, funding=house_funding(draft.style_key))
    try:
        await drafts.start(actor, draft.id, origin=Origin.BOT)
    except DuplicateRequest:
        return StartTap(None, "toast-already-started")
    except AppError as error:
        await drafts.adjust(actor, draft.id, funding=Funding.CREDITS)
        if isinstance(error, RateLimitExceeded) and "quota" in error.params:
            return StartTap(None, f"toast-{error.params['quota']}-used", is_alert=True)
        raise
    following = await _next(conversation, draft.id)
    if following is not None:
        following = await drafts.adjust(actor, following.id, funding=Funding.CREDITS)
    return StartTap(following, "toast-free-started")


async def answer_start(conversation: Conversation, tap: StartTap) -> None:
    """Say over the chat what came of it."""
    await conversation.answer(tap.answer, is_alert=tap.is_alert, price=tap.price)


def _renewed(draft: DraftView) -> StartTap:
    return StartTap(draft, "toast-price-renewed", is_alert=True, price=draft.price_credits)


async def _next(conversation: Conversation, draft_id: UUID) -> DraftView | None:
    try:
        # The card shows what is left, and that has just changed.
        conversation.speak(await conversation.services.users.get(conversation.user.id))
        return await conversation.services.drafts.renew(conversation.actor, draft_id)
    except AppError:
        # The model was taken off sale meanwhile; what was started goes on, and the button says so when tapped.
        return None
