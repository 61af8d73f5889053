"""Invitations as services and surfaces see them."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.referrals.models import ReferralState


@dataclass(frozen=True, slots=True)
class ReferralItem:
    """One invitation. `due_at`: when a reward in escrow is paid. Who was invited is nobody's business."""

    state: ReferralState
    reward: int
    invited_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Referrals:
    """A user's invitations. `escrow`, `paid` and `reversed` are sums of credits; `items` are the newest."""

    link: str
    invited: int
    escrow: int
    paid: int
    reversed: int
    items: tuple[ReferralItem, ...]
