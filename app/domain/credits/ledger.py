"""Moves credits: each function changes the user's balances and appends the entry in one statement.

Every function joins the caller's transaction and takes the user's row lock, which must be the first lock of it.
Whatever would be added to available pays debt first, in the same entry (architecture, "Credits").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, text

from app.core.db import Tx
from app.domain.credits.models import EntryKind

_ENTRY_COLUMNS: Final = """
    user_id, kind, delta_available, delta_held, delta_debt, available_after, held_after, debt_after,
    reference_type, reference_id, key, actor
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says beside its amounts. `key` is unique for ever: what happens once is written once."""

    kind: EntryKind
    key: str
    reference_type: str
    reference_id: str
    actor: str

    def params(self) -> dict[str, object]:
        """The entry's part of a statement's parameters."""
        return {
            "kind": self.kind.value,
            "key": self.key,
            "reference_type": self.reference_type,
            "reference_id": self.reference_id,
            "actor": self.actor,
        }


@dataclass(frozen=True, slots=True)
class Balances:
    """A user's credits right after a move."""

    available: int
    held: int
    debt: int


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that went through. `tier` is the user's tier in force."""

    balances: Balances
    tier: str


# The old debt must be read under the lock, since RETURNING shows only the new one.
_ADD = text(
    f"""
    WITH before AS (SELECT id, debt FROM users WHERE id = :user_id FOR UPDATE),
    moved AS (
        UPDATE users u SET
            credits = u.credits + :amount - least(b.debt, :amount),
            debt = u.debt - least(b.debt, :amount),
            held = u.held - :from_held,
            active_generations = u.active_generations - :settled,
            total_spent_credits = u.total_spent_credits + :spent
        FROM before b WHERE u.id = b.id
        RETURNING u.id, u.credits, u.held, u.debt, least(b.debt, :amount) AS repaid
    ),
    entry AS (
        INSERT INTO ledger_entries ({_ENTRY_COLUMNS})
        SELECT id, :kind, :amount - repaid, -:from_held, -repaid, credits, held, debt,
            :reference_type, :reference_id, :key, :actor
        FROM moved
    )
    SELECT credits, held, debt FROM moved
    """  # noqa: S608 - fixed text
)
_TAKE = text(
    f"""
    WITH moved AS (
        UPDATE users SET credits = credits - :amount, total_spent_credits = total_spent_credits + :spent
        WHERE id = :user_id AND credits >= :amount
        RETURNING id, credits, held, debt
    ),
    entry AS (
        INSERT INTO ledger_entries ({_ENTRY_COLUMNS})
        SELECT id, :kind, -:amount, 0, 0, credits, held, debt, :reference_type, :reference_id, :key, :actor
        FROM moved
    )
    SELECT credits, held, debt FROM moved
    """  # noqa: S608 - fixed text
)
# One conditional update decides; nothing is read first, so parallel requests cannot spend the same credits (trap 1).
_HOLD = text(
    f"""
    WITH moved AS (
        UPDATE users SET
            credits = credits - :amount,
            held = held + :amount,
            active_generations = active_generations + 1,
            total_generations = total_generations + 1,
            last_active_at = clock_now()
        WHERE id = :user_id
            AND credits >= :amount
            AND banned_at IS NULL
            AND (suspended_until IS NULL OR suspended_until <= clock_now())
            AND deleted_at IS NULL
            AND active_generations < CASE CASE WHEN tier_until <= clock_now() THEN 'free' ELSE tier END
                WHEN 'vip' THEN CAST(:active_vip AS integer)
                WHEN 'premium' THEN CAST(:active_premium AS integer) ELSE CAST(:active_free AS integer) END
        RETURNING id, credits, held, debt, CASE WHEN tier_until <= clock_now() THEN 'free' ELSE tier END AS tier
    ),
    entry AS (
        INSERT INTO ledger_entries ({_ENTRY_COLUMNS})
        SELECT id, :kind, -:amount, :amount, 0, credits, held, debt, :reference_type, :reference_id, :key, :actor
        FROM moved
    )
    SELECT credits, held, debt, tier FROM moved
    """  # noqa: S608 - fixed text
)


async def add(tx: Tx, user_id: int, amount: int, entry: Entry) -> Balances:
    """Add to available, debt first. Raises IntegrityError when the key was used."""
    return await _add(tx, user_id, entry, amount=amount, from_held=0, settled=0, spent=0)


async def take(tx: Tx, user_id: int, amount: int, entry: Entry, *, spent: bool) -> Balances | None:
    """Take from available, or None (and no entry) when it does not suffice. `spent` counts it as consumption."""
    row = await tx.one_or_none(
        _TAKE, {"user_id": user_id, "amount": amount, "spent": amount if spent else 0, **entry.params()}
    )
    return _balances(row) if row else None


async def hold(tx: Tx, user_id: int, amount: int, entry: Entry, *, active_limits: Mapping[str, int]) -> Hold | None:
    """Hold credits for one more active generation.

    None (and no entry) when the user is banned, suspended, gone, at the tier's limit of active generations or short
    of credits: a second look says which.
    """
    limits = {f"active_{tier}": limit for tier, limit in active_limits.items()}
    row = await tx.one_or_none(_HOLD, {"user_id": user_id, "amount": amount, **limits, **entry.params()})
    return Hold(balances=_balances(row), tier=row.tier) if row else None


async def settle(tx: Tx, user_id: int, *, held: int, captured: int, entry: Entry) -> Balances:
    """End a hold: keep what was captured, give back the rest, one active generation less.

    Raises IntegrityError when the generation was settled before: its key is unique.
    """
    return await _add(tx, user_id, entry, amount=held - captured, from_held=held, settled=1, spent=captured)


async def _add(
    tx: Tx, user_id: int, entry: Entry, *, amount: int, from_held: int, settled: int, spent: int
) -> Balances:
    row = await tx.one_or_none(
        _ADD,
        {
            "user_id": user_id,
            "amount": amount,
            "from_held": from_held,
            "settled": settled,
            "spent": spent,
            **entry.params(),
        },
    )
    if row is None:
        message = f"user {user_id} does not exist"
        raise AssertionError(message)
    return _balances(row)


def _balances(row: Row[Any]) -> Balances:
    return Balances(available=row.credits, held=row.held, debt=row.debt)
