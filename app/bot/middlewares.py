"""What every update passes before a handler sees it: private chats only, not too many, who it is, whether they may."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from aiogram import BaseMiddleware
from aiogram.dispatcher.flags import get_flag
from aiogram.enums import ChatType
from aiogram.types import CallbackQuery, InaccessibleMessage, Message, TelegramObject, Update, User

from app.bot.conversation import Conversation, TappedButton
from app.container import Container
from app.core.errors import AppError
from app.core.i18n import choose_language
from app.domain.ports import MessengerError, Outgoing, Priority
from app.domain.users.rules import require_allowed
from app.domain.users.service import TelegramIdentity

log = structlog.get_logger(__name__)

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

OPEN_TO_ALL: Final = "open_to_all"
"""The flag of handlers that banned and suspended users reach too: the pages that Telegram demands of a shop."""

# No person types or taps as fast as this; the exact limits are the services'.
_UPDATES: Final = 40
_UPDATES_WINDOW_SECONDS: Final = 10
# Trap 26: whoever floods is told so once, not once an update.
_WARNING_WINDOW_SECONDS: Final = 30


class Reception(BaseMiddleware):
    """Finds out who speaks, and turns refusals into sentences. Groups and channels are not listened to."""

    def __init__(self, container: Container) -> None:
        self._container = container

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(event, Update):
            message = f"{type(event).__name__} is no update"
            raise TypeError(message)
        with structlog.contextvars.bound_contextvars(update_id=event.update_id):
            spoken = event.message or event.callback_query
            if spoken is None:
                return await handler(event, data)
            sender = spoken.from_user
            if sender is None or sender.is_bot or not _is_private(spoken):
                return None
            if await self._is_flood(spoken, sender):
                return None
            conversation = await self._enter(event.update_id, spoken, sender)
            data["conversation"] = conversation
            return await self._converse(handler, event, data, conversation)

    async def _converse(self, handler: Handler, event: Update, data: dict[str, Any], conversation: Conversation) -> Any:
        try:
            result = await handler(event, data)
        except AppError as error:
            if await _is_to_be_said(event.message, conversation):
                await conversation.refuse(error)
            return None
        except Exception:
            # The update goes to the inbox and the user gets an apology; the button must not spin meanwhile.
            await conversation.answer()
            raise
        # Last, so that whoever sees the spinner stop sees the message as it is now.
        await conversation.answer()
        return result

    async def _enter(self, update_id: int, spoken: Message | CallbackQuery, sender: User) -> Conversation:
        visit = await self._container.services.accounts.enter(identity_of(sender), start_param=_start_parameter(spoken))
        return Conversation(
            self._container,
            visit.user,
            chat_id=sender.id,
            update_id=update_id,
            granted_credits=visit.granted_credits,
            is_new=visit.is_new,
            start=visit.start,
            tapped=_tapped(spoken) if isinstance(spoken, CallbackQuery) else None,
        )

    async def _is_flood(self, spoken: Message | CallbackQuery, sender: User) -> bool:
        counter, who = self._container.rate_counter, str(sender.id)
        if await counter.hit("updates", who, limit=_UPDATES, window_seconds=_UPDATES_WINDOW_SECONDS):
            return False
        log.info("update_flood", telegram_id=sender.id)
        if await counter.hit("updates-warning", who, limit=1, window_seconds=_WARNING_WINDOW_SECONDS):
            await self._warn(spoken, sender)
        return True

    async def _warn(self, spoken: Message | CallbackQuery, sender: User) -> None:
        language, messenger = choose_language(sender.language_code), self._container.messenger
        if isinstance(spoken, CallbackQuery):
            text = self._container.translator.translate(language, "toast-flood")
            await messenger.answer_tap(spoken.id, text, is_alert=True)
            return
        try:
            await messenger.send(Outgoing(sender.id, language, "notice", {"key": "flood"}), Priority.REPLY)
        except MessengerError as error:
            log.info("flood_warning_dropped", error=type(error).__name__)


class Doorkeeper(BaseMiddleware):
    """Lets banned and suspended users reach nothing but what is open to all. The services refuse them as well."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not get_flag(data, OPEN_TO_ALL, default=False):
            require_allowed(data["conversation"].user)
        return await handler(event, data)


async def _is_to_be_said(message: Message | None, conversation: Conversation) -> bool:
    """Whether a refusal is news: of an album's parts, which come as messages of their own, one is told."""
    if message is None or message.media_group_id is None:
        return True
    album = f"refusal:{message.media_group_id}"
    return await conversation.may(album, limit=1, window_seconds=_WARNING_WINDOW_SECONDS)


def identity_of(sender: User) -> TelegramIdentity:
    """What Telegram tells of a person."""
    return TelegramIdentity(sender.id, sender.first_name, sender.username, sender.language_code)


def _is_private(spoken: Message | CallbackQuery) -> bool:
    message = spoken.message if isinstance(spoken, CallbackQuery) else spoken
    return message is not None and message.chat.type == ChatType.PRIVATE


def _start_parameter(spoken: Message | CallbackQuery) -> str | None:
    """What the link said by which somebody came (Bot API, "Deep linking")."""
    text = spoken.text if isinstance(spoken, Message) else None
    command, _, parameter = (text or "").partition(" ")
    return parameter.strip() if command.partition("@")[0] == "/start" else None


def _tapped(query: CallbackQuery) -> TappedButton:
    message = query.message
    if message is None or isinstance(message, InaccessibleMessage):
        return TappedButton(query.id, None, None)
    return TappedButton(query.id, message.message_id, message.reply_markup)
