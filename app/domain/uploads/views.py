"""What others see of uploads."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UploadView:
    """A picture that was taken. It may be used until `expires_at`.

    `is_repeat`: it was taken before, from a request with the same key.
    """

    id: UUID
    storage_key: str
    mime: str
    width: int
    height: int
    size_bytes: int
    expires_at: datetime
    is_repeat: bool = False

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class UploadTerms:
    """What is taken, and for how long it is kept: unused, and after the last use of it was settled."""

    max_bytes: int
    life: timedelta
    kept: timedelta
