"""Telegram's till: invoice links, refunds, renewals and the bot's own transactions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramAPIError, TelegramBadRequest, TelegramRetryAfter
from aiogram.methods import (
    CreateInvoiceLink,
    EditUserStarSubscription,
    GetStarTransactions,
    RefundStarPayment,
)
from aiogram.types import LabeledPrice, StarTransaction, TransactionPartnerUser

from app.adapters.telegram.words import Words, shorten
from app.core.db import refuse_inside_transaction
from app.core.i18n import Translator
from app.domain import ports
from app.domain.ports import StarsInvoice, StarsRefused, StarsUnavailable

CURRENCY: Final = "XTR"
# The only period that Telegram knows (Bot API, createInvoiceLink): 30 days.
_PERIOD_SECONDS: Final = 2_592_000
_CALL_SECONDS: Final = 15
# Shorter than a refund is claimed for, so that no second one asks at the same time.
_REFUND_SECONDS: Final = 10
# Bot API, createInvoiceLink.
_LONGEST_TITLE: Final = 32
_LONGEST_DESCRIPTION: Final = 255
_ALREADY_REFUNDED: Final = "charge_already_refunded"


class TelegramStars:
    """The StarsGateway port over aiogram's bot."""

    def __init__(self, bot: Bot, translator: Translator) -> None:
        self._bot = bot
        self._translator = translator

    async def create_link(self, invoice: StarsInvoice) -> str:
        """A link at which the order can be paid. Raises: StarsUnavailable, StarsRefused."""
        title, description = invoice_words(Words(self._translator, invoice.language), invoice)
        with _translated("createInvoiceLink"):
            return await self._bot(
                CreateInvoiceLink(
                    title=title,
                    description=description,
                    payload=invoice.payload,
                    currency=CURRENCY,
                    provider_token="",
                    prices=[LabeledPrice(label=title, amount=invoice.stars)],
                    subscription_period=_PERIOD_SECONDS if invoice.recurring else None,
                ),
                request_timeout=_CALL_SECONDS,
            )

    async def refund(self, telegram_id: int, charge_id: str) -> None:
        """Give the whole charge back. Raises: StarsUnavailable, StarsRefused."""
        with _translated("refundStarPayment"):
            await self._bot(
                RefundStarPayment(user_id=telegram_id, telegram_payment_charge_id=charge_id),
                request_timeout=_REFUND_SECONDS,
            )

    async def set_renewal(self, telegram_id: int, charge_id: str, *, is_canceled: bool) -> None:
        """Stop or resume a subscription's renewal. Raises: StarsUnavailable, StarsRefused."""
        with _translated("editUserStarSubscription"):
            await self._bot(
                EditUserStarSubscription(
                    user_id=telegram_id, telegram_payment_charge_id=charge_id, is_canceled=is_canceled
                ),
                request_timeout=_CALL_SECONDS,
            )

    async def list_transactions(self, *, offset: int, limit: int) -> Sequence[ports.StarTransaction]:
        """The bot's transactions, oldest first. Raises: StarsUnavailable, StarsRefused."""
        with _translated("getStarTransactions"):
            found = await self._bot(GetStarTransactions(offset=offset, limit=limit), request_timeout=_CALL_SECONDS)
        return [_transaction(transaction) for transaction in found.transactions]


def invoice_words(words: Words, invoice: StarsInvoice) -> tuple[str, str]:
    """The title and the description of an invoice, within Telegram's limits."""
    title = words.plain(f"invoice-title-{invoice.purpose}", item=invoice.item, credits=invoice.credits)
    description = words.plain(
        f"invoice-description-{invoice.purpose}", item=invoice.item, credits=invoice.credits, days=invoice.days or 0
    )
    return shorten(title, _LONGEST_TITLE), shorten(description, _LONGEST_DESCRIPTION)


def _transaction(transaction: StarTransaction) -> ports.StarTransaction:
    partner = transaction.source or transaction.receiver
    user = partner if isinstance(partner, TransactionPartnerUser) else None
    return ports.StarTransaction(
        id=transaction.id,
        stars=transaction.amount,
        date=transaction.date,
        incoming=transaction.source is not None,
        telegram_id=user.user.id if user else None,
        payload=user.invoice_payload if user else None,
        period_seconds=user.subscription_period if user else None,
    )


@contextmanager
def _translated(method: str) -> Iterator[None]:
    refuse_inside_transaction(method)
    try:
        yield
    except TelegramRetryAfter as error:
        raise StarsUnavailable("429", retry_after_seconds=float(error.retry_after)) from error
    except TelegramBadRequest as error:
        raise StarsRefused(error.message, already_done=_ALREADY_REFUNDED in error.message.lower()) from error
    except TelegramAPIError as error:
        raise StarsUnavailable(type(error).__name__) from error
    except (AiogramError, OSError) as error:
        # The texts of HTTP clients may name an address that holds the token.
        raise StarsUnavailable(type(error).__name__) from error
