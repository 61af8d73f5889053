"""Refusals as sentences: which message of the catalogues, with which figures. One table, for chat and outbox."""

from collections.abc import Callable, Mapping
from typing import Final

from app.core.errors import AppError
from app.core.i18n import moment
from app.domain.errors import (
    InsufficientCredits,
    MaxActiveGenerations,
    PriceChanged,
    RateLimitExceeded,
    RefundExceedsBalance,
    UploadInvalid,
    UploadTooLarge,
    UserSuspended,
)

Args = dict[str, object]


def _as_they_are(error: AppError) -> Args:
    return dict(error.params)


# A refusal that is missing here has no figures in its sentence; what else its params hold is for programs.
_ARGS: Final[Mapping[type[AppError], Callable[[AppError], Args]]] = {
    InsufficientCredits: _as_they_are,
    MaxActiveGenerations: _as_they_are,
    PriceChanged: _as_they_are,
    RateLimitExceeded: _as_they_are,
    RefundExceedsBalance: _as_they_are,
    UploadInvalid: _as_they_are,
    UploadTooLarge: _as_they_are,
    UserSuspended: lambda error: {**error.params, "until": moment(str(error.params["until"]))},
}


def describe(error: AppError) -> tuple[str, Args]:
    """The message's key and its arguments, all of them plain JSON."""
    args = _ARGS.get(type(error))
    return error.message_key, args(error) if args else {}
