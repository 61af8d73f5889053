"""One update of one user: who speaks, in which language, and how to answer.

An answer that Telegram does not take right now is owed through the outbox; a handler never waits for flood control.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog
from aiogram.types import InlineKeyboardMarkup

from app.adapters.telegram import keyboards
from app.adapters.telegram.words import Words
from app.container import Container, Services
from app.core.errors import AppError
from app.domain.accounts.starts import Start
from app.domain.actors import Actor
from app.domain.delivery.models import DeliveryRank
from app.domain.ports import (
    Media,
    MessengerError,
    Outgoing,
    Priority,
    RecipientUnreachable,
    SendFailed,
    SendLater,
    Sent,
    StorageUnavailable,
)
from app.domain.sentences import describe
from app.domain.users.views import UserView
from app.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TappedButton:
    """The tap that an update is about. `message_id` and `markup` are unknown of messages that became too old."""

    query_id: str
    message_id: int | None
    markup: InlineKeyboardMarkup | None


class Conversation:
    """What a handler works with."""

    def __init__(
        self,
        container: Container,
        user: UserView,
        *,
        chat_id: int,
        update_id: int,
        granted_credits: int = 0,
        is_new: bool = False,
        start: Start | None = None,
        tapped: TappedButton | None = None,
    ) -> None:
        self.services: Services = container.services
        self.user = user
        self.actor = Actor.user(user.id)
        self.chat_id = chat_id
        self.update_id = update_id
        self.granted_credits = granted_credits
        self.is_new = is_new
        self.start = start
        self._container = container
        self._messenger = container.messenger
        self._tapped = tapped
        self._is_answered = False
        self._replies = 0

    @property
    def language(self) -> str:
        return self.user.language

    @property
    def words(self) -> Words:
        return Words(self._container.translator, self.language)

    @property
    def settings(self) -> Settings:
        return self._container.settings

    def speak(self, user: UserView) -> None:
        """Go on with the user as they are now, after a use case has changed them."""
        self.user = user

    async def may(self, what: str, *, limit: int, window_seconds: int) -> bool:
        """Count something that this user may do so often; Redis away lets everything through."""
        return await self._container.rate_counter.hit(
            what, str(self.user.id), limit=limit, window_seconds=window_seconds
        )

    async def may_start(self, *, every_seconds: int) -> bool:
        """Whether the tapped message's starts have rested this long; its button holds a new draft after each start."""
        if self._tapped is None or self._tapped.message_id is None:
            return True
        return await self.may(f"start:{self._tapped.message_id}", limit=1, window_seconds=every_seconds)

    async def say(self, key: str, **args: object) -> None:
        """Answer with one sentence or page of the catalogues."""
        await self.show("notice", {"key": key, "args": args})

    async def show(
        self,
        template: str,
        params: Mapping[str, object],
        *,
        media: tuple[Media, ...] = (),
        photo_url: str | None = None,
    ) -> Sent | None:
        """Answer with a message; returns what Telegram said. When it does not take it now, owe its text."""
        self._replies += 1
        outgoing = Outgoing(self.chat_id, self.language, template, params, media, photo_url=photo_url)
        try:
            return await self._messenger.send(outgoing, Priority.REPLY)
        except RecipientUnreachable:
            await self.services.accounts.mark_unreachable(self.chat_id)
        except (SendLater, SendFailed, StorageUnavailable) as error:
            log.info("reply_owed", template=template, error=type(error).__name__)
            await self.services.deliveries.owe(
                user_id=self.user.id,
                chat_id=self.chat_id,
                template=template,
                params=params,
                rank=DeliveryRank.REPLY,
                # Telegram may repeat the update; the same answer is owed once.
                key=f"reply:{self.update_id}:{self._replies}",
            )
        return None

    async def edit(self, template: str, params: Mapping[str, object]) -> None:
        """Replace the message whose button was tapped; a message that can no longer be edited is sent anew."""
        if self._tapped is None or self._tapped.message_id is None:
            await self.show(template, params)
            return
        outgoing = Outgoing(self.chat_id, self.language, template, params)
        try:
            await self._messenger.edit(self._tapped.message_id, outgoing, Priority.REPLY)
        except MessengerError as error:
            self._drop_edit(error)

    async def edit_buttons(self, markup: InlineKeyboardMarkup | None) -> None:
        """Replace the buttons under the message whose button was tapped."""
        if self._tapped is None or self._tapped.message_id is None:
            return
        try:
            await self._messenger.edit_buttons(self.chat_id, self._tapped.message_id, markup, Priority.REPLY)
        except MessengerError as error:
            self._drop_edit(error)

    async def move_draft(self, old_id: UUID, new_id: UUID, *, price: int) -> None:
        """Let the tapped message's buttons of one draft start another one from now on."""
        if self._tapped is not None and self._tapped.markup is not None:
            markup = keyboards.with_draft_replaced(self._tapped.markup, old_id, new_id, price=price)
            await self.edit_buttons(markup)

    async def remove_tapped(self) -> None:
        """Delete the message whose button was tapped."""
        if self._tapped is None or self._tapped.message_id is None:
            return
        try:
            await self._messenger.remove(self.chat_id, self._tapped.message_id, Priority.REPLY)
        except MessengerError as error:
            self._drop_edit(error)

    async def answer(self, key: str | None = None, *, is_alert: bool = False, **args: object) -> None:
        """Stop the spinner on the tapped button, with a word or without; only the first answer counts."""
        await self._answer(self.words.plain(key, **args) if key else None, is_alert=is_alert)

    async def refuse(self, error: AppError) -> None:
        """Say why not: over the chat after a tap, in it after a message."""
        log.info("update_refused", code=error.code, params=error.params, **error.log)
        key, args = describe(error)
        if self._tapped is not None and not self._is_answered:
            await self.answer(key, is_alert=True, **args)
        else:
            await self.say(key, **args)

    async def _answer(self, text: str | None, *, is_alert: bool) -> None:
        if self._tapped is None or self._is_answered:
            return
        self._is_answered = True
        await self._messenger.answer_tap(self._tapped.query_id, text, is_alert=is_alert)

    def _drop_edit(self, error: MessengerError) -> None:
        """An edit is worth no outbox: the next tap shows the truth, and a price is checked before it is charged."""
        log.info("edit_dropped", error=type(error).__name__, detail=error.detail)
