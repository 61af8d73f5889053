"""Bills: messages with Telegram's own pay button, in Stars."""

from collections.abc import Mapping
from typing import Any, Final

from aiogram.methods import SendInvoice
from aiogram.types import LabeledPrice

from app.adapters.telegram import money_keyboards
from app.adapters.telegram.stars import CURRENCY, invoice_words
from app.adapters.telegram.words import Words
from app.domain.ports import Outgoing, StarsInvoice

TEMPLATE: Final = "bill"
"""The template of an `Outgoing` that is a bill; its parameters are those of a `StarsInvoice`."""


def bill(words: Words, outgoing: Outgoing) -> SendInvoice:
    """The method that sends it. Raises: KeyError for a parameter that is missing."""
    params: Mapping[str, Any] = outgoing.params
    invoice = StarsInvoice(
        language=outgoing.language,
        purpose=params["purpose"],
        item=params["item"],
        credits=params["credits"],
        payload=params["payload"],
        stars=params["stars"],
        days=params.get("days"),
    )
    title, description = invoice_words(words, invoice)
    return SendInvoice(
        chat_id=outgoing.chat_id,
        title=title,
        description=description,
        payload=invoice.payload,
        currency=CURRENCY,
        # Bot API, sendInvoice: empty for Stars.
        provider_token="",
        prices=[LabeledPrice(label=title, amount=invoice.stars)],
        reply_markup=money_keyboards.pay(words, invoice.stars),
    )
