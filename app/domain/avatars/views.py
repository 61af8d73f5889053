"""What others see of avatars."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.uploads.views import UploadView


@dataclass(frozen=True, slots=True)
class AvatarView:
    """Photos of one person, in order.

    `is_repeat`: it was made before, by a request with the same key.
    """

    id: UUID
    name: str
    photos: tuple[UploadView, ...]
    created_at: datetime
    is_repeat: bool = False
