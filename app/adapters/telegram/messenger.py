"""The Messenger port over aiogram: renders, waits for its turn, sends, and says what Telegram said in our words."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TypeVar

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.methods import (
    AnswerCallbackQuery,
    AnswerPreCheckoutQuery,
    DeleteMessage,
    EditMessageReplyMarkup,
    EditMessageText,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
    TelegramMethod,
)
from aiogram.types import InlineKeyboardMarkup, ReplyParameters

from app.adapters.telegram import bills
from app.adapters.telegram.failures import MediaRefused, NothingToDo, translated
from app.adapters.telegram.media import Form, Loaded, album_item, file_ids, forms, load, sending
from app.adapters.telegram.rendering import Rendered, Renderer
from app.adapters.telegram.sender import PacedSender
from app.adapters.telegram.words import LONGEST_ANSWER, LONGEST_TEXT, escape, fit, shorten
from app.core.db import refuse_inside_transaction
from app.domain.ports import Media, Outgoing, Priority, SendLater, SendRefused, Sent, Storage

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

# A handler answers Telegram's webhook within 8 s, whatever becomes of its reply, which may be owed instead.
_REPLY_SECONDS: Final = 4
_TEXT_SECONDS: Final = 15
_UPLOAD_SECONDS: Final = 60
# The spinner on a button is not worth more of a handler's time.
_ANSWER_SECONDS: Final = 2


class TelegramMessenger:
    """Telegram, outgoing. One a process: it holds the paced sender."""

    def __init__(
        self, bot: Bot, renderer: Renderer, sender: PacedSender, storage: Storage, *, link_seconds: int
    ) -> None:
        self._bot = bot
        self._renderer = renderer
        self._sender = sender
        self._storage = storage
        self._link_seconds = link_seconds

    def set_share(self, processes: int) -> None:
        """So many living processes share Telegram's overall rate."""
        self._sender.set_share(processes)

    async def send(self, outgoing: Outgoing, priority: Priority) -> Sent:
        """Send a new message; media go in the best form that Telegram takes, at last as a link.

        Raises: RecipientUnreachable, SendLater, SendFailed, SendRefused, StorageUnavailable.
        """
        if outgoing.template == bills.TEMPLATE:
            return await self._send_bill(outgoing, priority)
        if outgoing.photo_url is not None:
            return await self._send_photo_at(outgoing.photo_url, outgoing, priority)
        rendered = self._renderer.render(outgoing)
        if not outgoing.media:
            return await self._send_text(outgoing, rendered, priority)
        for form in forms(outgoing.media, as_document=outgoing.as_document):
            try:
                return await self._send_media(outgoing, rendered, form, priority)
            except MediaRefused as error:
                log.info("media_refused", form=form, detail=error.detail, template=outgoing.template)
        message = "the last form is a link, which is sent or refused"
        raise AssertionError(message)

    async def edit(self, message_id: int, outgoing: Outgoing, priority: Priority) -> None:
        """Replace a text and its buttons; an unchanged or vanished message is no error.

        Raises: RecipientUnreachable, SendLater, SendFailed, SendRefused.
        """
        rendered = self._renderer.render(outgoing)
        await self._change(
            EditMessageText(
                chat_id=outgoing.chat_id, message_id=message_id, text=rendered.text, reply_markup=rendered.markup
            ),
            outgoing.chat_id,
            priority,
        )

    async def edit_buttons(
        self, chat_id: int, message_id: int, markup: InlineKeyboardMarkup | None, priority: Priority
    ) -> None:
        """Replace the buttons alone, under a text or a picture. Raises: as `edit`."""
        method = EditMessageReplyMarkup(chat_id=chat_id, message_id=message_id, reply_markup=markup)
        await self._change(method, chat_id, priority)

    async def remove(self, chat_id: int, message_id: int, priority: Priority) -> None:
        """Delete a message; one that has vanished, or is too old to be deleted, is no error.

        Raises: RecipientUnreachable, SendLater, SendFailed, SendRefused.
        """
        # A deletion is no message: Telegram's pace for a chat does not count it.
        await self._change(
            DeleteMessage(chat_id=chat_id, message_id=message_id), chat_id, priority, counts_for_chat=False
        )

    async def answer_tap(self, query_id: str, text: str | None, *, is_alert: bool) -> None:
        """Stop the spinner on a tapped button, with a word or without. Never fails: the tap itself is what counts."""
        refuse_inside_transaction("Telegram")
        method = AnswerCallbackQuery(
            callback_query_id=query_id, text=shorten(text, LONGEST_ANSWER) if text else None, show_alert=is_alert
        )
        try:
            await self._bot(method, request_timeout=_ANSWER_SECONDS)
        except (AiogramError, OSError) as error:
            log.info("tap_not_answered", error=type(error).__name__)

    async def _send_bill(self, outgoing: Outgoing, priority: Priority) -> Sent:
        method = bills.bill(self._renderer.words(outgoing.language), outgoing)
        seconds = _REPLY_SECONDS if priority is Priority.REPLY else _TEXT_SECONDS
        message = await self._call(method, outgoing.chat_id, priority, seconds=seconds)
        return Sent(message.message_id)

    async def answer_checkout(self, query_id: str, refusal: str | None, *, within_seconds: int) -> bool:
        """Tell Telegram whether it may charge; False when it did not hear us. Never waits for a turn."""
        refuse_inside_transaction("Telegram")
        method = AnswerPreCheckoutQuery(
            pre_checkout_query_id=query_id,
            ok=refusal is None,
            error_message=None if refusal is None else shorten(refusal, LONGEST_ANSWER),
        )
        try:
            await self._bot(method, request_timeout=within_seconds)
        except (AiogramError, OSError) as error:
            log.warning("checkout_not_answered", error=type(error).__name__, ok=refusal is None)
            return False
        return True

    async def _send_text(self, outgoing: Outgoing, rendered: Rendered, priority: Priority) -> Sent:
        method = SendMessage(
            chat_id=outgoing.chat_id,
            text=rendered.text,
            reply_markup=rendered.markup,
            reply_parameters=_reply(outgoing),
        )
        seconds = _REPLY_SECONDS if priority is Priority.REPLY else _TEXT_SECONDS
        message = await self._call(method, outgoing.chat_id, priority, seconds=seconds)
        return Sent(message.message_id)

    async def _send_photo_at(self, url: str, outgoing: Outgoing, priority: Priority) -> Sent:
        """A picture that is not ours to keep: where Telegram cannot fetch it, what is said about it still counts."""
        rendered = self._renderer.render(outgoing)
        method = SendPhoto(chat_id=outgoing.chat_id, photo=url, caption=rendered.text, reply_markup=rendered.markup)
        seconds = _REPLY_SECONDS if priority is Priority.REPLY else _TEXT_SECONDS
        try:
            message = await self._call(method, outgoing.chat_id, priority, seconds=seconds)
        except SendRefused as error:
            log.info("photo_refused", detail=error.detail, template=outgoing.template)
            return await self._send_text(outgoing, rendered, priority)
        return Sent(message.message_id)

    async def _send_media(self, outgoing: Outgoing, rendered: Rendered, form: Form, priority: Priority) -> Sent:
        if form is Form.LINK:
            return await self._send_text(outgoing, await self._with_links(outgoing, rendered), priority)
        files = await asyncio.gather(
            *(load(medium, form, self._storage, as_document=outgoing.as_document) for medium in outgoing.media)
        )
        if len(files) == 1:
            return await self._send_one(outgoing, rendered, files[0], priority)
        return await self._send_album(outgoing, rendered, files, priority)

    async def _send_one(self, outgoing: Outgoing, rendered: Rendered, file: Loaded, priority: Priority) -> Sent:
        method = sending(outgoing.chat_id, file)
        method.caption, method.reply_markup = rendered.text, rendered.markup
        method.reply_parameters = _reply(outgoing)
        message = await self._upload(method, outgoing.chat_id, priority)
        return Sent(message.message_id, file_ids([message]))

    async def _send_album(
        self, outgoing: Outgoing, rendered: Rendered, files: Sequence[Loaded], priority: Priority
    ) -> Sent:
        # Telegram shows the first one's caption under the whole album.
        captions = [rendered.text, *[None] * (len(files) - 1)]
        method = SendMediaGroup(
            chat_id=outgoing.chat_id,
            media=[album_item(file, caption) for file, caption in zip(files, captions, strict=True)],
            reply_parameters=_reply(outgoing),
        )
        messages = await self._upload(method, outgoing.chat_id, priority, weight=len(files))
        return Sent(messages[0].message_id, file_ids(messages))

    async def _upload(
        self, method: TelegramMethod[Result], chat_id: int, priority: Priority, *, weight: int = 1
    ) -> Result:
        """Telegram's words for a file that it does not take are many: any refusal leads to the next form."""
        try:
            return await self._call(method, chat_id, priority, seconds=_UPLOAD_SECONDS, weight=weight)
        except SendRefused as error:
            raise MediaRefused(error.detail) from error

    async def _with_links(self, outgoing: Outgoing, rendered: Rendered) -> Rendered:
        words = self._renderer.words(outgoing.language)
        minutes = max(1, self._link_seconds // 60)
        links = [
            f'<a href="{escape(await self._link(medium))}">{words.html("link-to-file", number=at, minutes=minutes)}</a>'
            for at, medium in enumerate(outgoing.media, start=1)
        ]
        return Rendered(fit(rendered.text, LONGEST_TEXT // 2) + "\n" + "\n".join(links), rendered.markup)

    async def _link(self, medium: Media) -> str:
        return await self._storage.link(
            medium.storage_key, expires_seconds=self._link_seconds, filename=medium.filename
        )

    async def _change(
        self, method: TelegramMethod[Result], chat_id: int, priority: Priority, *, counts_for_chat: bool = True
    ) -> None:
        seconds = _REPLY_SECONDS if priority is Priority.REPLY else _TEXT_SECONDS
        with suppress(NothingToDo):
            await self._call(method, chat_id, priority, seconds=seconds, counts_for_chat=counts_for_chat)

    async def _call(
        self,
        method: TelegramMethod[Result],
        chat_id: int,
        priority: Priority,
        *,
        seconds: int,
        weight: int = 1,
        counts_for_chat: bool = True,
    ) -> Result:
        refuse_inside_transaction("Telegram")
        await self._sender.turn(chat_id, priority, weight=weight, counts_for_chat=counts_for_chat)
        try:
            with translated():
                return await self._bot(method, request_timeout=seconds)
        except SendLater as error:
            self._sender.pause(chat_id, error.retry_after_seconds)
            raise


def _reply(outgoing: Outgoing) -> ReplyParameters | None:
    if outgoing.reply_to_message_id is None:
        return None
    return ReplyParameters(message_id=outgoing.reply_to_message_id, allow_sending_without_reply=True)
