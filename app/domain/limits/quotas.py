"""What the house pays for: so many generations and copied looks a day (UTC), by everybody."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FreeQuotas:
    """Free generations and free copies a day."""

    generations: int
    copies: int
