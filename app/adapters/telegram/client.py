"""The aiogram bot: where Telegram is, how long it may take, how many connections it gets."""

from typing import Final

from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.types import LinkPreviewOptions

# An upload of 50 MB over a slow line; texts have a shorter limit of their own (messenger).
_LONGEST_CALL_SECONDS: Final = 60.0
_CONNECTIONS: Final = 50


def create_bot(token: str, *, api_url: str) -> Bot:
    """The bot, talking to the Bot API server at `api_url`; the caller closes its session."""
    session = AiohttpSession(
        api=TelegramAPIServer.from_base(api_url), limit=_CONNECTIONS, timeout=_LONGEST_CALL_SECONDS
    )
    return Bot(
        token,
        session=session,
        default=DefaultBotProperties(
            parse_mode=ParseMode.HTML,
            # A link in somebody's prompt must not fill the chat with its preview.
            link_preview=LinkPreviewOptions(is_disabled=True),
        ),
    )
