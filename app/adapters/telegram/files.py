"""The ChatFiles port over aiogram: getFile, then the download, bounded in bytes and time (Bot API, "getFile")."""

import asyncio
from typing import Final

import structlog
from aiogram import Bot
from aiohttp import ClientError

from app.adapters.telegram.failures import translated
from app.core.db import refuse_inside_transaction
from app.domain.ports import FileGone, FileTooLarge, SendFailed, SendRefused

log = structlog.get_logger(__name__)

# "Bots can download files of up to 20MB in size."
_MOST_BYTES: Final = 20 * 1024 * 1024
_ASK_SECONDS: Final = 15
# 20 MB over a slow line.
_DOWNLOAD_SECONDS: Final = 60
# What a moment mends is not worth the outbox's patience, during which a person waits.
_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.5
_TOO_BIG: Final = "file is too big"


class TelegramFiles:
    """Files of the chat. An address of Telegram's holds the bot's token: no exception of an HTTP client leaves here."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def fetch(self, file_id: str, *, max_bytes: int) -> bytes:
        """The whole file, tried three times. Raises: FileGone, FileTooLarge, SendFailed, SendLater."""
        refuse_inside_transaction("Telegram")
        limit = min(max_bytes, _MOST_BYTES)
        for _ in range(_TRIES - 1):
            try:
                return await self._fetch(file_id, limit)
            except SendFailed as error:
                log.info("chat_file_failed", detail=error.detail)
                await asyncio.sleep(_PAUSE_SECONDS)
        return await self._fetch(file_id, limit)

    async def _fetch(self, file_id: str, limit: int) -> bytes:
        try:
            with translated():
                file = await self._bot.get_file(file_id, request_timeout=_ASK_SECONDS)
        except SendRefused as error:
            if _TOO_BIG in error.detail.lower():
                raise FileTooLarge from error
            raise FileGone from error
        if file.file_path is None:
            raise FileGone
        if (file.file_size or 0) > limit:
            raise FileTooLarge
        return await self._download(file.file_path, limit)

    async def _download(self, path: str, limit: int) -> bytes:
        url = self._bot.session.api.file_url(self._bot.token, path)
        whole = bytearray()
        try:
            async with asyncio.timeout(_DOWNLOAD_SECONDS):
                async for part in self._bot.session.stream_content(url, timeout=_DOWNLOAD_SECONDS):
                    whole += part
                    if len(whole) > limit:
                        raise FileTooLarge
        except (ClientError, OSError) as error:
            # Its text may hold the address, and that the token (trap 47).
            raise SendFailed(type(error).__name__) from None
        return bytes(whole)
