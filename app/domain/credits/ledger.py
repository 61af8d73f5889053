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
from app.domain.users.repository import TIER_IN_FORCE

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
    WITH before AS (
        SELECT id, CASE WHEN :pays_debt THEN least(debt, :amount) ELSE 0 END AS repaid
        FROM users WHERE id = :user_id FOR NO KEY UPDATE
    ),
    moved AS (
        UPDATE users u SET
            credits = u.credits + :amount - b.repaid,
            debt = u.debt - b.repaid,
            held = u.held - :from_held,
            active_generations = u.active_generations - :settled,
            total_spent_credits = u.total_spent_credits + :spent
        FROM before b WHERE u.id = b.id
        RETURNING u.id, u.credits, u.held, u.debt, b.repaid
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
            AND active_generations < CASE {TIER_IN_FORCE}
                WHEN 'vip' THEN CAST(:active_vip AS integer)
                WHEN 'premium' THEN CAST(:active_premium AS integer) ELSE CAST(:active_free AS integer) END
        RETURNING id, credits, held, debt, {TIER_IN_FORCE} AS tier
    ),
    entry AS (
        INSERT INTO ledger_entries ({_ENTRY_COLUMNS})
        SELECT id, :kind, -:amount, :amount, 0, credits, held, debt, :reference_type, :reference_id, :key, :actor
        FROM moved
    )
    SELECT credits, held, debt, tier FROM moved
    """  # noqa: S608 - fixed text
)
# What was paid for exactly this generation: no limit stands in its way, they were checked before the payment.
_HOLD_PAID = text(
    f"""
    WITH moved AS (
        UPDATE users SET
            credits = credits - :amount,
            held = held + :amount,
            active_generations = active_generations + 1,
            total_generations = total_generations + 1,
            last_active_at = clock_now()
        WHERE id = :user_id AND credits >= :amount
        RETURNING id, credits, held, debt
    ),
    entry AS (
        INSERT INTO ledger_entries ({_ENTRY_COLUMNS})
        SELECT id, :kind, -:amount, :amount, 0, credits, held, debt, :reference_type, :reference_id, :key, :actor
        FROM moved
    )
    SELECT credits, held, debt FROM moved
    """  # noqa: S608 - fixed text
)
# Available first, the rest becomes debt: a refund takes back what it can and remembers the rest.
_CLAW_BACK = text(
    f"""
    WITH before AS (
        SELECT id, least(credits, :amount) AS taken FROM users WHERE id = :user_id FOR NO KEY UPDATE
    ),
    moved AS (
        UPDATE users u SET credits = u.credits - b.taken, debt = u.debt + :amount - b.taken
        FROM before b WHERE u.id = b.id
        RETURNING u.id, u.credits, u.held, u.debt, b.taken
    ),
    entry AS (
        INSERT INTO ledger_entries ({_ENTRY_COLUMNS})
        SELECT id, :kind, -taken, 0, :amount - taken, credits, held, debt, :reference_type, :reference_id, :key, :actor
        FROM moved
    )
    SELECT credits, held, debt, taken FROM moved
    """  # noqa: S608 - fixed text
)


async def add(tx: Tx, user_id: int, amount: int, entry: Entry, *, pays_debt: bool = True) -> Balances:
    """Add to available, debt first (but for what pays for exactly one generation).

    Raises IntegrityError when the key was used.
    """
    return await _add(tx, user_id, entry, amount=amount, from_held=0, settled=0, spent=0, pays_debt=pays_debt)


async def hold_paid(tx: Tx, user_id: int, amount: int, entry: Entry) -> Balances | None:
    """Hold what was just paid for exactly this generation, beyond every limit; None when the credits are not there."""
    row = await tx.one_or_none(_HOLD_PAID, {"user_id": user_id, "amount": amount, **entry.params()})
    return _balances(row) if row else None


async def retire(tx: Tx, user_id: int, *, held: int, entry: Entry) -> Balances:
    """End a hold without giving credits back: the money itself goes back (kind RETIRE)."""
    return await _add(tx, user_id, entry, amount=0, from_held=held, settled=1, spent=0)


async def claw_back(tx: Tx, user_id: int, amount: int, entry: Entry) -> int:
    """Take credits back, what is spent already as debt; returns how many were available.

    Raises IntegrityError when the key was used.
    """
    row = await tx.one_or_none(_CLAW_BACK, {"user_id": user_id, "amount": amount, **entry.params()})
    if row is None:
        message = f"user {user_id} does not exist"
        raise AssertionError(message)
    return int(row.taken)


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
    tx: Tx,
    user_id: int,
    entry: Entry,
    *,
    amount: int,
    from_held: int,
    settled: int,
    spent: int,
    pays_debt: bool = True,
) -> Balances:
    row = await tx.one_or_none(
        _ADD,
        {
            "user_id": user_id,
            "amount": amount,
            "from_held": from_held,
            "settled": settled,
            "spent": spent,
            "pays_debt": pays_debt,
            **entry.params(),
        },
    )
    if row is None:
        message = f"user {user_id} does not exist"
        raise AssertionError(message)
    return _balances(row)


def _balances(row: Row[Any]) -> Balances:
    return Balances(available=row.credits, held=row.held, debt=row.debt)
