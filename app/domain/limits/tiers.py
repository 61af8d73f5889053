"""How much one user may ask for, by tier (spec §4). The windows are counted exactly, in PostgreSQL."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TierLimits:
    """Active generations at a time, accepted ones in a moving minute and hour."""

    active: int
    per_minute: int
    per_hour: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of every tier."""

    by_tier: Mapping[str, TierLimits]

    def of(self, tier: str) -> TierLimits:
        """The limits of a tier."""
        return self.by_tier[tier]

    @property
    def active(self) -> dict[str, int]:
        """The limit of active generations a tier, as the hold's statement takes it."""
        return {tier: limits.active for tier, limits in self.by_tier.items()}
