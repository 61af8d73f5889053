"""In which forms files may go to Telegram, from the nicest to the last resort (Bot API, "Sending files")."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aiogram.methods import SendDocument, SendPhoto, SendVideo
from aiogram.types import (
    BufferedInputFile,
    InputFile,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    Message,
)

from app.adapters.telegram.failures import MediaRefused
from app.domain.ports import Media, ObjectMissing, SendRefused, Storage

_PHOTO_BYTES: Final = 10 * 1024 * 1024
_PHOTO_SIDES: Final = 10_000
_PHOTO_RATIO: Final = 20
_UPLOAD_BYTES: Final = 50 * 1024 * 1024


class Form(StrEnum):
    """SHOWN: as a photo or a video. KNOWN: so too, by Telegram's own id of an earlier upload."""

    KNOWN = "known"
    SHOWN = "shown"
    DOCUMENT = "document"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as it is handed to Telegram; `cover` and `thumbnail` are a video's poster, where they are uploaded."""

    medium: Media
    file: InputFile | str
    is_document: bool
    cover: InputFile | None = None
    thumbnail: InputFile | None = None


def forms(media: Sequence[Media], *, as_document: bool) -> Iterator[Form]:
    """The forms in which these may go, all of them in the same one: an album mixes no documents with the others."""
    if all(medium.file_id for medium in media):
        yield Form.KNOWN
    if not as_document and all(_can_be_shown(medium) for medium in media):
        yield Form.SHOWN
    if all(medium.size_bytes <= _UPLOAD_BYTES for medium in media):
        yield Form.DOCUMENT
    yield Form.LINK


async def load(medium: Media, form: Form, storage: Storage, *, as_document: bool) -> Loaded:
    """What to hand to Telegram.

    Raises: MediaRefused when this form cannot be had, SendRefused when nothing is left of the file,
        StorageUnavailable.
    """
    is_document = as_document or form is Form.DOCUMENT
    if form is Form.KNOWN and medium.file_id:
        return Loaded(medium, medium.file_id, is_document)
    if form is Form.SHOWN and medium.is_video:
        data, cover, thumbnail = await asyncio.gather(
            _original(medium, storage), _poster(medium.preview_key, storage), _poster(medium.thumbnail_key, storage)
        )
        return Loaded(medium, data, is_document, cover, thumbnail)
    if form is Form.SHOWN and medium.preview_key:
        # Telegram makes a JPEG of about this size of every photo; the original goes as a file, on request.
        return Loaded(medium, await _preview(medium.preview_key, storage), is_document)
    return Loaded(medium, await _original(medium, storage), is_document)


def sending(chat_id: int, loaded: Loaded) -> SendDocument | SendPhoto | SendVideo:
    """The method that sends one file."""
    medium = loaded.medium
    if loaded.is_document:
        return SendDocument(chat_id=chat_id, document=loaded.file, disable_content_type_detection=True)
    if not medium.is_video:
        return SendPhoto(chat_id=chat_id, photo=loaded.file)
    return SendVideo(
        chat_id=chat_id,
        video=loaded.file,
        duration=_whole_seconds(medium),
        width=medium.width,
        height=medium.height,
        cover=loaded.cover,
        thumbnail=loaded.thumbnail,
        supports_streaming=True,
    )


def album_item(loaded: Loaded, caption: str | None) -> InputMediaDocument | InputMediaPhoto | InputMediaVideo:
    """One of several files."""
    medium = loaded.medium
    if loaded.is_document:
        return InputMediaDocument(media=loaded.file, caption=caption, disable_content_type_detection=True)
    if not medium.is_video:
        return InputMediaPhoto(media=loaded.file, caption=caption)
    return InputMediaVideo(
        media=loaded.file,
        caption=caption,
        duration=_whole_seconds(medium),
        width=medium.width,
        height=medium.height,
        cover=loaded.cover,
        thumbnail=loaded.thumbnail,
        supports_streaming=True,
    )


def file_ids(messages: Sequence[Message]) -> tuple[str, ...]:
    """Telegram's id of each file: of the largest size of a photo."""
    found = [
        message.photo[-1] if message.photo else message.video or message.animation or message.document
        for message in messages
    ]
    return tuple(file.file_id for file in found if file is not None)


async def _original(medium: Media, storage: Storage) -> InputFile:
    try:
        data = await storage.get(medium.storage_key)
    except ObjectMissing as error:
        raise SendRefused("object missing") from error
    return BufferedInputFile(data, medium.filename)


async def _preview(key: str, storage: Storage) -> InputFile:
    try:
        data = await storage.get(key)
    except ObjectMissing as error:
        raise MediaRefused("preview missing") from error
    if len(data) > _PHOTO_BYTES:
        raise MediaRefused("preview too large")
    return BufferedInputFile(data, "preview.jpg")


async def _poster(key: str | None, storage: Storage) -> InputFile | None:
    """A video is worth sending without its poster."""
    if key is None:
        return None
    try:
        return BufferedInputFile(await storage.get(key), "poster.jpg")
    except ObjectMissing:
        return None


def _can_be_shown(medium: Media) -> bool:
    if medium.is_video:
        return medium.mime == "video/mp4" and medium.size_bytes <= _UPLOAD_BYTES
    short, long = sorted((medium.width, medium.height))
    if not medium.mime.startswith("image/") or short <= 0 or long > short * _PHOTO_RATIO:
        return False
    # A preview is made to fit (core.media); it has the ratio of its original.
    return bool(medium.preview_key) or (medium.size_bytes <= _PHOTO_BYTES and short + long <= _PHOTO_SIDES)


def _whole_seconds(medium: Media) -> int | None:
    return None if medium.duration_seconds is None else max(1, round(medium.duration_seconds))
