"""The buttons of progress messages and results: cancel, again, variation, edit, enlarge, animate, original."""

from aiogram import Router
from aiogram.types import CallbackQuery

from app.adapters.telegram.callbacks import Action, Tap
from app.bot.cards import answer_start, ask_for_words, show_card, start
from app.bot.conversation import Conversation
from app.bot.taps import OnTap
from app.domain.generations.models import Kind, Status


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="generation")
    router.callback_query.register(cancel, OnTap(Action.CANCEL))
    router.callback_query.register(again, OnTap(Action.AGAIN))
    router.callback_query.register(work_on, OnTap(Action.ENLARGE, Action.ANIMATE))
    router.callback_query.register(edit, OnTap(Action.EDIT))
    router.callback_query.register(send_original, OnTap(Action.ORIGINAL))
    return router


async def cancel(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Cancel it, at once or as soon as the vendor has confirmed."""
    view = await conversation.services.generations.cancel(conversation.actor, tap.subject)
    if view.status is Status.CANCELLED:
        await conversation.answer("toast-cancelled", returned=view.returned_credits)
    else:
        await conversation.answer("toast-cancelling-pack" if view.kind is Kind.PACK else "toast-cancelling")


async def again(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Start the draft under a result, the same or a variation; the button then holds a new one."""
    started = await start(conversation, tap.subject, tap.value)
    if started.following is not None:
        await conversation.move_draft(tap.subject, started.following.id, price=started.following.price_credits)
    await answer_start(conversation, started)


async def work_on(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """A card that enlarges a picture, or brings it to life once there are words: it spends nothing by itself."""
    draft = await conversation.services.drafts.derive(
        conversation.actor,
        tap.subject,
        kind=Kind.UPSCALE if tap.action is Action.ENLARGE else Kind.VIDEO,
        output_index=tap.number or 0,
        update_id=conversation.update_id,
    )
    if draft.awaits is None:
        await show_card(conversation, draft)
    else:
        # What it is made from was made without a word: enlarged, or a photo in a style.
        await ask_for_words(conversation, draft)


async def edit(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Ask what is to change in a picture; the next message says it."""
    draft = await conversation.services.drafts.derive(
        conversation.actor,
        tap.subject,
        kind=Kind.EDIT,
        output_index=tap.number or 0,
        prompt="",
        update_id=conversation.update_id,
    )
    await ask_for_words(conversation, draft)


async def send_original(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Owe every picture of it as a file."""
    await conversation.services.generations.send_original(conversation.actor, tap.subject)
    await conversation.answer("toast-original")
