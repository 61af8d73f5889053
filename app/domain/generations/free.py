"""The free quota: how much of today's is left, counted from the generations themselves.

What fails or is cancelled has used nothing. A day begins at 00:00 UTC, by the product's clock.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.core.db import Reader, Tx
from app.domain.errors import RateLimitExceeded
from app.domain.generations.models import Funding
from app.domain.limits.quotas import FreeQuotas

_TODAY: Final = "date_trunc('day', clock_now(), 'UTC')"
_USED = text(
    f"""
    SELECT funding, count(*) AS used FROM generations
    WHERE user_id = :user_id AND created_at >= {_TODAY} AND funding <> 'credits'
        AND status NOT IN ('FAILED', 'CANCELLED')
    GROUP BY funding
    """  # noqa: S608 - fixed text
)
_USED_BEFORE = text(
    f"""
    SELECT count(*) AS used,
        ceil(extract(epoch FROM {_TODAY} + interval '1 day' - clock_now()))::integer AS until_midnight_seconds
    FROM generations
    WHERE user_id = :user_id AND created_at >= {_TODAY} AND funding = :funding
        AND status NOT IN ('FAILED', 'CANCELLED') AND id <> :id
    """  # noqa: S608 - fixed text
)


@dataclass(frozen=True, slots=True)
class FreeLeft:
    """What is left of today's quotas."""

    generations: int
    copies: int


async def find_left(reader: Reader, user_id: int, quotas: FreeQuotas) -> FreeLeft:
    """What a user may still have made for free today."""
    rows = await reader.all(_USED, {"user_id": user_id})
    used = {row.funding: int(row.used) for row in rows}
    return FreeLeft(
        generations=max(0, quotas.generations - used.get(Funding.FREE.value, 0)),
        copies=max(0, quotas.copies - used.get(Funding.COPY.value, 0)),
    )


async def require_left(tx: Tx, user_id: int, funding: Funding, quotas: FreeQuotas, *, generation_id: UUID) -> None:
    """Let a generation that was just written pass if the quota still had room; the caller holds the user's lock.

    Raises: RateLimitExceeded until the next midnight, UTC.
    """
    quota = {Funding.FREE: quotas.generations, Funding.COPY: quotas.copies}.get(funding)
    if quota is None:
        return
    row = await tx.one_or_none(_USED_BEFORE, {"user_id": user_id, "funding": funding.value, "id": generation_id})
    if row is None:
        message = "an aggregate without a row"
        raise AssertionError(message)
    if row.used >= quota:
        raise RateLimitExceeded(limit=quota, retry_after=max(1, row.until_midnight_seconds), quota=funding.value)
