"""Builds the dispatcher, and tells Telegram where we are and what our menu says."""

import asyncio
import contextlib
from typing import Final

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import AiogramError
from aiogram.types import MenuButtonCommands

from app.adapters.telegram.words import Words
from app.bot.commands import menu
from app.bot.handlers import ROUTERS
from app.bot.middlewares import Doorkeeper, Reception
from app.bot.webhook import telegram_router
from app.container import Container
from app.core.i18n import FALLBACK_LANGUAGE, LANGUAGES, Translator
from app.settings import Settings

log = structlog.get_logger(__name__)

# Always sent: left out, Telegram would keep what an earlier version asked for.
ALLOWED_UPDATES: Final = ("message", "callback_query", "pre_checkout_query", "subscription", "my_chat_member")
_MAX_CONNECTIONS: Final = 40
_FIRST_RETRY_SECONDS: Final = 1.0
_LONGEST_RETRY_SECONDS: Final = 60.0


class Telegram:
    """The bot's side of the process: its route, and the task that makes itself known to Telegram."""

    def __init__(self, container: Container) -> None:
        self.dispatcher = build_dispatcher(container)
        self.router = telegram_router(container, self.dispatcher)
        self._container = container
        self._configuring: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to make ourselves known; the start of the process does not wait for Telegram."""
        container = self._container
        self._configuring = asyncio.create_task(
            configure_telegram(container.bot, container.settings, container.translator), name="configure-telegram"
        )

    async def stop(self) -> None:
        """Stop trying, if Telegram is still away."""
        if self._configuring is None:
            return
        self._configuring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._configuring


def build_dispatcher(container: Container) -> Dispatcher:
    """Everything between an update and its handler. There are no dialogue states: what is open is in the draft."""
    dispatcher = Dispatcher(disable_fsm=True, container=container)
    dispatcher.update.outer_middleware(Reception(container))
    dispatcher.message.middleware(Doorkeeper())
    dispatcher.callback_query.middleware(Doorkeeper())
    dispatcher.include_routers(*(build() for build in ROUTERS))
    return dispatcher


async def configure_telegram(bot: Bot, settings: Settings, translator: Translator) -> None:
    """Set webhook, commands and menu button, however long Telegram is away; to be run beside the rest of the start."""
    delay = _FIRST_RETRY_SECONDS
    while True:
        try:
            await _configure(bot, settings, translator)
        except (AiogramError, OSError) as error:
            log.warning("telegram_not_configured", error=type(error).__name__, retry_seconds=delay)
        else:
            log.info("telegram_configured")
            return
        await asyncio.sleep(delay)
        delay = min(delay * 2, _LONGEST_RETRY_SECONDS)


async def _configure(bot: Bot, settings: Settings, translator: Translator) -> None:
    await bot.set_webhook(
        settings.webhook_url,
        secret_token=settings.telegram_webhook_secret.get_secret_value(),
        allowed_updates=list(ALLOWED_UPDATES),
        max_connections=_MAX_CONNECTIONS,
        # What was sent during a deploy is answered after it (trap 15).
        drop_pending_updates=False,
    )
    has_web = settings.cards_enabled
    await bot.set_my_commands(menu(Words(translator, FALLBACK_LANGUAGE), has_web=has_web))
    for language in LANGUAGES:
        await bot.set_my_commands(menu(Words(translator, language), has_web=has_web), language_code=language)
    await bot.set_chat_menu_button(menu_button=MenuButtonCommands())
