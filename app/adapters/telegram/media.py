"""In which forms a file may go to Telegram, from the nicest to the last resort (Bot API, "Sending files")."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from aiogram.types import BufferedInputFile, InputFile

from app.adapters.telegram.failures import MediaRefused
from app.domain.ports import Media, ObjectMissing, SendRefused, Storage

_PHOTO_BYTES: Final = 10 * 1024 * 1024
_PHOTO_SIDES: Final = 10_000
_PHOTO_RATIO: Final = 20
_UPLOAD_BYTES: Final = 50 * 1024 * 1024


class Form(StrEnum):
    """KNOWN: by Telegram's own id of an earlier upload."""

    KNOWN = "known"
    PHOTO = "photo"
    DOCUMENT = "document"
    LINK = "link"


def forms(media: Sequence[Media], *, as_document: bool) -> Iterator[Form]:
    """The forms in which these may go, all of them in the same one: an album mixes no photos and documents."""
    if all(medium.file_id for medium in media):
        yield Form.KNOWN
    if not as_document and all(_fits_photo(medium) for medium in media):
        yield Form.PHOTO
    if all(medium.size_bytes <= _UPLOAD_BYTES for medium in media):
        yield Form.DOCUMENT
    yield Form.LINK


async def load(medium: Media, form: Form, storage: Storage) -> InputFile | str:
    """What to hand to Telegram.

    Raises: MediaRefused when this form cannot be had, SendRefused when nothing is left of the file,
        StorageUnavailable.
    """
    if form is Form.KNOWN and medium.file_id:
        return medium.file_id
    if form is Form.PHOTO and medium.preview_key:
        # Telegram makes a JPEG of about this size of every photo; the original goes as a file, on request.
        return BufferedInputFile(await _preview(medium.preview_key, storage), "preview.jpg")
    try:
        data = await storage.get(medium.storage_key)
    except ObjectMissing as error:
        raise SendRefused("object missing") from error
    return BufferedInputFile(data, medium.filename)


async def _preview(key: str, storage: Storage) -> bytes:
    try:
        data = await storage.get(key)
    except ObjectMissing as error:
        raise MediaRefused("preview missing") from error
    if len(data) > _PHOTO_BYTES:
        raise MediaRefused("preview too large")
    return data


def _fits_photo(medium: Media) -> bool:
    short, long = sorted((medium.width, medium.height))
    if not medium.mime.startswith("image/") or short <= 0 or long > short * _PHOTO_RATIO:
        return False
    # A preview is made to fit (core.media); it has the ratio of its original.
    return bool(medium.preview_key) or (medium.size_bytes <= _PHOTO_BYTES and short + long <= _PHOTO_SIDES)
