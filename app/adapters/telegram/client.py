"""The aiogram bot: where Telegram is, how long it may take, how many connections it gets."""

from typing import Any, Final

from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import LinkPreviewOptions

# An upload of 50 MB over a slow line; texts have a shorter limit of their own (messenger).
_LONGEST_CALL_SECONDS: Final = 60.0
_CONNECTIONS: Final = 50


def create_bot(token: str, *, api_url: str) -> Bot:
    """The bot, talking to the Bot API server at `api_url`; the caller closes its session."""
    session = _Session(api=TelegramAPIServer.from_base(api_url), limit=_CONNECTIONS, timeout=_LONGEST_CALL_SECONDS)
    return Bot(
        token,
        session=session,
        default=DefaultBotProperties(
            parse_mode=ParseMode.HTML,
            # A link in somebody's prompt must not fill the chat with its preview.
            link_preview=LinkPreviewOptions(is_disabled=True),
        ),
    )


class _Session(AiohttpSession):
    """Holds on to the model of each kind of answer: pydantic forgets one that nobody holds, and builds it anew."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._answers: dict[Any, type[Response[Any]]] = {}

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        """Read an answer. Raises: TelegramAPIError, ClientDecodeError."""
        kind = method.__returning__
        if kind not in self._answers:
            self._answers[kind] = Response[kind]  # type: ignore[valid-type]  # known at run time only
        return super().check_response(bot, method, status_code, content)
