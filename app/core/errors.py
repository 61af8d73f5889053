"""The shape of every refusal: a code, a kind, parameters for the user's sentence and details for the log."""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    """What sort of refusal it is; each surface maps kinds in one table (HTTP status, retry or settle)."""

    VALIDATION = "validation"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    PAYMENT_REQUIRED = "payment_required"
    CONFLICT = "conflict"
    UNPROCESSABLE = "unprocessable"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class AppError(Exception):
    """A refusal that the user is told about.

    `params` go into the translated sentence and onto the wire, `log` only into our log. The translated
    sentence is the Fluent message `error-<code in lower case with dashes>`.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    kind: ClassVar[ErrorKind] = ErrorKind.INTERNAL

    def __init__(self, *, log: Mapping[str, object] | None = None, **params: object) -> None:
        super().__init__(self.code)
        self.params: dict[str, object] = params
        self.log: dict[str, object] = dict(log or {})

    def __str__(self) -> str:
        return f"{self.code} {self.params}" if self.params else self.code

    @property
    def message_key(self) -> str:
        """The Fluent message that tells the user."""
        return message_key(self.code)


def message_key(code: str) -> str:
    """The Fluent message of an error code."""
    return "error-" + code.lower().replace("_", "-")
