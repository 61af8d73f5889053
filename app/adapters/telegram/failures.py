"""Telegram's refusals in our words: one table from aiogram's exceptions and the server's descriptions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiogram.exceptions import (
    AiogramError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramRetryAfter,
)

from app.domain.ports import MessengerError, RecipientUnreachable, SendFailed, SendLater, SendRefused

# Descriptions of 400 that mean: there is nobody (any more) behind this chat id.
_NOBODY: Final = ("chat not found", "user is deactivated", "peer_id_invalid", "user_deactivated", "user not found")
# Descriptions of 400 that mean: what was asked for is the case already.
_DONE_ALREADY: Final = (
    "message is not modified",
    "message to edit not found",
    "message to delete not found",
    "message can't be deleted",
    "message can't be edited",
    "message_id_invalid",
)


class MediaRefused(SendRefused):
    """Telegram does not take this file in this way: another method, or the link, may do."""


class NothingToDo(SendRefused):
    """An edit or a deletion of what is so already, or gone."""


# Descriptions of 400 that are about the file and not about the text.
_MEDIA: Final = (
    "photo_invalid_dimensions",
    "photo_ext_invalid",
    "photo_save_file_invalid",
    "image_process_failed",
    "wrong file identifier",
    "wrong remote file identifier",
    "file reference",
    "file is too big",
    "too big for a photo",
    "wrong type of the web page content",
    "media_invalid",
    "can't use file of type",
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the messenger's exceptions in place of aiogram's.

    Raises: RecipientUnreachable, SendLater, SendFailed, SendRefused, MediaRefused, NothingToDo.
    """
    try:
        yield
    except (AiogramError, OSError) as error:
        raise _translate(error) from error


def _translate(error: Exception) -> MessengerError:
    # Only Telegram's description is passed on: the texts of HTTP clients may name an address that holds the token.
    match error:
        case TelegramRetryAfter():
            return SendLater("429", retry_after_seconds=float(error.retry_after))
        case TelegramForbiddenError():
            return RecipientUnreachable(error.message)
        case TelegramEntityTooLarge():
            return MediaRefused("413 entity too large")
        case TelegramBadRequest():
            return _translate_bad_request(error)
        case TelegramAPIError():
            return SendFailed(type(error).__name__)
    # A body that is no JSON comes from a proxy on the way, whose words would be all there is to log.
    return SendFailed(type(error).__name__)


def _translate_bad_request(error: TelegramBadRequest) -> MessengerError:
    if _mentions(error, _NOBODY):
        return RecipientUnreachable(error.message)
    if _mentions(error, _DONE_ALREADY):
        return NothingToDo(error.message)
    if _mentions(error, _MEDIA):
        return MediaRefused(error.message)
    return SendRefused(error.message)


def _mentions(error: TelegramAPIError, descriptions: tuple[str, ...]) -> bool:
    message = error.message.lower()
    return any(description in message for description in descriptions)
