"""`POST /telegram/webhook`: 200 only after the update was handled or durably stored (architecture, "Updates")."""

import asyncio
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiogram import Dispatcher
from aiogram.types import Update
from aiogram.types.update import UpdateTypeLookupError
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from app.adapters.telegram.money_updates import SOURCE as MONEY_SOURCE
from app.adapters.telegram.money_updates import find_person, is_about_money
from app.container import Container
from app.core.db import is_outage
from app.domain.delivery.models import DeliveryRank
from app.domain.errors import UserNotFound

log = structlog.get_logger(__name__)

PATH: Final = "/telegram/webhook"
_SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
_SOURCE: Final = "telegram"
_WINDOW_SECONDS: Final = 10
# The rest of the handler's time is for storing what it did not get done.
_HANDLER_SHARE: Final = 0.8
# Trap 26: a user whose every message fails is told so once in a while, not every time.
_APOLOGY_WINDOW_SECONDS: Final = 300
_LONGEST_ERROR: Final = 500


def telegram_router(container: Container, dispatcher: Dispatcher) -> APIRouter:
    """The route; updates are handled in the request, so that the answer means something."""
    router = APIRouter()
    receiver = UpdateReceiver(container, dispatcher)
    container.services.inbox.register(_SOURCE, receiver.replay)
    secret = container.settings.telegram_webhook_secret.get_secret_value().encode()

    @router.post(PATH)
    async def receive(request: Request) -> Response:
        given = request.headers.get(_SECRET_HEADER, "").encode()
        if not secret or not hmac.compare_digest(given, secret):
            return Response(status_code=await _refusal(container, request))
        await receiver.receive(await request.body())
        return Response(status_code=200)

    return router


async def _refusal(container: Container, request: Request) -> int:
    """Callers who do not know the secret are counted by their address; Telegram itself never is."""
    container.metrics.update_received(kind="unknown", outcome="refused")
    address = request.client.host if request.client else "unknown"
    allowed = await container.rate_counter.hit(
        "unknown-hook",
        address,
        limit=container.settings.unknown_hook_calls_per_10_seconds,
        window_seconds=_WINDOW_SECONDS,
    )
    log.warning("webhook_secret_wrong", client=address)
    return 401 if allowed else 429


class UpdateReceiver:
    """Handles a verified update, or stores it: Telegram repeats nothing that we answer with 200."""

    def __init__(self, container: Container, dispatcher: Dispatcher) -> None:
        self._container = container
        self._dispatcher = dispatcher
        self._limit_seconds = container.settings.webhook_handler_seconds * _HANDLER_SHARE

    async def receive(self, body: bytes) -> None:
        """Return once the update is handled or stored. Raises whatever keeps it from being stored."""
        document: Any = None
        try:
            document = json.loads(body)
            # Money needs nothing of the update but its raw form: one that is not as we know it is kept like any other.
            if is_about_money(document):
                await self._receive_money(document)
                return
            update = self._read(document)
        except (ValueError, ValidationError) as error:
            log.error("update_unreadable", error=type(error).__name__)
            await self._store(document if isinstance(document, dict) else _unreadable(body), error)
            self._container.metrics.update_received(kind="unreadable", outcome="stored")
            return
        kind = _kind(update)
        try:
            async with asyncio.timeout(self._limit_seconds):
                await self._dispatcher.feed_update(self._container.bot, update)
        except Exception as error:
            log.error("update_failed", update_id=update.update_id, kind=kind, exc_info=error)
            await self._keep(update, document, error)
            self._container.metrics.update_received(kind=kind, outcome="stored")
        else:
            self._container.metrics.update_received(kind=kind, outcome="handled")

    async def replay(self, document: Mapping[str, Any]) -> None:
        """Handle an update that had failed, as if it came now. Raises whatever its handler raises."""
        await self._dispatcher.feed_update(self._container.bot, self._read(document))

    def _read(self, document: object) -> Update:
        return Update.model_validate(document, context={"bot": self._container.bot})

    async def _receive_money(self, document: dict[str, Any]) -> None:
        """Stored first, then handled; what could not be handled now is handled again by the sweep.

        No handler of the chat sees it, so that no state of a dialogue can swallow it (trap 46).
        """
        inbox = self._container.services.inbox
        event_id = await inbox.receive(source=MONEY_SOURCE, body=document, telegram_id=find_person(document))
        handled = True
        try:
            async with asyncio.timeout(self._limit_seconds):
                await inbox.handle(event_id)
        except Exception as error:  # it is stored: the answer is 200 whatever happened after that
            handled = False
            log.exception("money_event_postponed", event_id=event_id)
            await inbox.record_failure(event_id, error)
        kind = "subscription" if "subscription" in document else "message"
        self._container.metrics.update_received(kind=kind, outcome="handled" if handled else "stored")

    async def _keep(self, update: Update, document: dict[str, object], error: Exception) -> None:
        if is_outage(error) and not isinstance(error, TimeoutError):
            # The database is away: nothing can be stored, and Telegram keeps the update for us meanwhile.
            raise error
        is_first = await self._store(document, error)
        await self._container.services.alerts.raise_(
            "update-failed",
            "alert-update-failed",
            {"update_id": str(update.update_id), "error": type(error).__name__},
        )
        if is_first:
            await self._apologise(update)

    async def _store(self, document: dict[str, object], error: Exception) -> bool:
        return await self._container.services.inbox.store_failed(
            source=_SOURCE,
            body=document,
            error=f"{type(error).__name__}: {error}"[:_LONGEST_ERROR],
            telegram_id=find_person(document),
        )

    async def _apologise(self, update: Update) -> None:
        """Through the outbox, so that a Telegram that refuses our words does not bring on the next failure."""
        spoken = update.message or update.callback_query
        if spoken is None or spoken.from_user is None:
            return
        services = self._container.services
        try:
            user = await services.users.get_by_telegram_id(spoken.from_user.id)
        except UserNotFound:
            return
        if user.telegram_id is None or not await self._container.rate_counter.hit(
            "apology", str(user.id), limit=1, window_seconds=_APOLOGY_WINDOW_SECONDS
        ):
            return
        await services.deliveries.owe(
            user_id=user.id,
            chat_id=user.telegram_id,
            template="notice",
            params={"key": "apology"},
            rank=DeliveryRank.REPLY,
            key=f"apology:{update.update_id}",
        )


def _kind(update: Update) -> str:
    try:
        return update.event_type
    except UpdateTypeLookupError:
        return "unknown"


def _unreadable(body: bytes) -> dict[str, object]:
    return {"raw": body.decode("utf-8", "replace")}
