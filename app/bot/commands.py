"""The commands in Telegram's menu, in the order of their use."""

from typing import Final

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.methods import SetMyCommands
from aiogram.types import BotCommand, BotCommandScopeChat

from app.adapters.telegram.words import Words

log = structlog.get_logger(__name__)

COMMANDS: Final = (
    "start",
    "pack",
    "buy",
    "balance",
    "styles",
    "history",
    "cancel",
    "subscription",
    "promo",
    "invite",
    "quick",
    "language",
    "help",
    "paysupport",
    "terms",
    "privacy",
)
_WEB: Final = "web"
# The menu is a nicety; the handler that changes it has a user waiting.
_CHAT_SECONDS: Final = 2


def menu(words: Words, *, has_web: bool) -> list[BotCommand]:
    """The commands in one language; `has_web`: there is something to be opened in a browser."""
    names = (*COMMANDS, _WEB) if has_web else COMMANDS
    return [BotCommand(command=name, description=words.plain(f"command-{name}")) for name in names]


async def set_chat_commands(bot: Bot, chat_id: int, words: Words, *, has_web: bool) -> None:
    """Let one chat's menu speak the chosen language instead of that of the user's Telegram. Never fails."""
    method = SetMyCommands(commands=menu(words, has_web=has_web), scope=BotCommandScopeChat(chat_id=chat_id))
    try:
        await bot(method, request_timeout=_CHAT_SECONDS)
    except (AiogramError, OSError) as error:
        log.info("chat_commands_not_set", error=type(error).__name__)
