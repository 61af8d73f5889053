"""pre_checkout_query: may Telegram charge? Answered at once, before any queue, whatever is broken (Bot API: 10 s)."""

import asyncio
from typing import Final

import structlog
from aiogram import Router
from aiogram.types import PreCheckoutQuery

from app.container import Container
from app.core.errors import AppError
from app.core.i18n import choose_language
from app.domain.errors import ProviderUnavailable
from app.domain.payments.views import PreCheckout
from app.domain.sentences import describe

log = structlog.get_logger(__name__)

# Deciding and answering together stay well below Telegram's ten seconds, and below the handler's own limit.
_DECISION_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 1
_ANSWERS: Final = 3


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="checkout")
    router.pre_checkout_query.register(decide)
    return router


async def decide(query: PreCheckoutQuery, container: Container) -> None:
    """Approve or refuse, in the payer's language. What is not decided in time is refused: nothing is charged."""
    language = choose_language(query.from_user.language_code)
    refusal: AppError | None = None
    try:
        async with asyncio.timeout(_DECISION_SECONDS):
            refusal, language = await _judge(query, container, language)
    except Exception as error:
        # Whoever waits to pay is answered, whatever is broken.
        log.error("checkout_undecided", exc_info=error)
        refusal = ProviderUnavailable()
    text = None
    if refusal is not None:
        log.info("checkout_refused", code=refusal.code, payload=query.invoice_payload, **refusal.log)
        key, args = describe(refusal)
        text = container.translator.translate(language, key, **args)
    for _ in range(_ANSWERS):
        if await container.messenger.answer_checkout(query.id, text, within_seconds=_ANSWER_SECONDS):
            return


async def _judge(query: PreCheckoutQuery, container: Container, language: str) -> tuple[AppError | None, str]:
    """What speaks against the charge, if anything, and the language that the payer has chosen."""
    payer = query.from_user.id
    try:
        await container.services.checkout.approve(
            PreCheckout(payer, query.currency, query.total_amount, query.invoice_payload)
        )
    except AppError as refusal:
        try:
            language = (await container.services.users.get_by_telegram_id(payer)).language
        except AppError:
            log.info("checkout_of_a_stranger", telegram_id=payer)
        return refusal, language
    return None, language
