"""Turns an `Outgoing` (template and parameters) into a text and its buttons, in the reader's language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiogram.types import InlineKeyboardMarkup

from app.adapters.telegram import account_messages, money_messages, pack_messages, style_messages, work_messages
from app.adapters.telegram.words import LONGEST_CAPTION, LONGEST_TEXT, Words, fit
from app.core.i18n import Translator
from app.domain.ports import Outgoing

Template = Callable[[Words, Mapping[str, Any]], tuple[str, InlineKeyboardMarkup | None]]

TEMPLATES: Final[Mapping[str, Template]] = {
    "notice": account_messages.notice,
    "alert": account_messages.alert,
    "greeting": account_messages.greeting,
    "language": account_messages.language,
    "quick": account_messages.quick,
    "balance": account_messages.balance,
    "history": account_messages.history,
    "album": work_messages.album,
    "history-item": work_messages.history_item,
    "card": work_messages.card,
    "photo": work_messages.photo,
    "progress": work_messages.progress,
    "result": work_messages.result,
    "receipt": work_messages.receipt,
    "original": work_messages.original,
    "unlocked": work_messages.unlocked,
    "failed": work_messages.failed,
    "cancelled": work_messages.cancelled,
    "styles": style_messages.styles,
    "style": style_messages.style,
    "style-needs": style_messages.needs,
    "packs": pack_messages.packs,
    "pack-person": pack_messages.pack_person,
    "people": pack_messages.people,
    "person-delete": pack_messages.person_delete,
    "pack-album": pack_messages.pack_album,
    "pack-receipt": pack_messages.pack_receipt,
    "shop": money_messages.shop,
    "subscribe": money_messages.subscribe,
    "payment": money_messages.payment,
    "refund": money_messages.refund,
    "subscription": money_messages.subscription,
    "subscription_ending": money_messages.subscription_ending,
    "promo-percent": money_messages.promo_percent,
    "invite": money_messages.invite,
    "referral-paid": money_messages.referral_paid,
    "referral-reversed": money_messages.referral_reversed,
    "gift": money_messages.gift,
    "gift-opened": money_messages.gift_opened,
    "short": money_messages.short,
    "unlock": money_messages.unlock,
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as Telegram takes it: HTML within its limits, and buttons."""

    text: str
    markup: InlineKeyboardMarkup | None


class Renderer:
    """What our messages look like."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def render(self, outgoing: Outgoing) -> Rendered:
        """The message. Raises: KeyError for an unknown template, or a parameter that it needs."""
        words = self.words(outgoing.language)
        text, markup = TEMPLATES[outgoing.template](words, outgoing.params)
        is_caption = bool(outgoing.media) or outgoing.photo_url is not None
        return Rendered(fit(text, LONGEST_CAPTION if is_caption else LONGEST_TEXT), markup)

    def words(self, language: str) -> Words:
        """The catalogues in one language, for what is no message: answers to taps."""
        return Words(self._translator, language)
