"""Users as services and surfaces see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as the services see them. `tier` is the one in force now, `suspended_until` None once it is over."""

    id: int
    telegram_id: int | None
    first_name: str
    username: str | None
    language: str
    tier: str
    tier_until: datetime | None
    credits: int
    held: int
    debt: int
    active_generations: int
    quick_mode: bool
    preferences: Mapping[str, Any]
    banned: bool
    ban_reason: str | None
    suspended_until: datetime | None
    suspend_reason: str | None
    unreachable: bool
    deleted: bool
