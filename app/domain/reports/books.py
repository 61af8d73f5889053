"""Proves the books: balances are the sums of the ledger, holds are open generations, each settled once (promise 1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import text

from app.core.app_settings import find_setting, put_setting
from app.core.db import Reader, Tx

log = structlog.get_logger(__name__)

_CURSORS_KEY: Final = "reconcile_cursors"
# A full proof walks the users in slices, so that no statement runs for minutes.
_SLICE: Final = 5_000
_TOUCHED_LIMIT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that does not hold for a user."""

    user_id: int
    rule: str
    detail: str


_TOUCHED = text("SELECT DISTINCT user_id FROM ledger_entries WHERE id > :after_id ORDER BY user_id LIMIT :limit")
_NEWEST = text("SELECT coalesce(max(id), 0) FROM ledger_entries")
_SLICE_OF_USERS = text("SELECT id FROM users WHERE id > :after_id ORDER BY id LIMIT :limit")

# One statement is one snapshot: all its parts see the same moment.
_PROVE = text(
    """
    WITH chosen AS (SELECT unnest(CAST(:user_ids AS bigint[])) AS user_id),
    sums AS (
        SELECT c.user_id, coalesce(sum(e.delta_available), 0) AS available, coalesce(sum(e.delta_held), 0) AS held,
            coalesce(sum(e.delta_debt), 0) AS debt
        FROM chosen c LEFT JOIN ledger_entries e ON e.user_id = c.user_id GROUP BY c.user_id
    ),
    work AS (
        SELECT c.user_id,
            coalesce(sum(g.price_credits) FILTER (WHERE g.status IN ('PENDING', 'PROCESSING')), 0) AS held,
            count(g.id) FILTER (WHERE g.status IN ('PENDING', 'PROCESSING')) AS active
        FROM chosen c LEFT JOIN generations g ON g.user_id = c.user_id GROUP BY c.user_id
    ),
    settling AS (
        SELECT g.user_id, count(*) AS wrong
        FROM generations g
        JOIN chosen c ON c.user_id = g.user_id
        LEFT JOIN ledger_entries h ON h.key = 'hold:' || g.id
        LEFT JOIN ledger_entries s ON s.key = 'settle:' || g.id
        WHERE h.id IS NULL OR (s.id IS NULL) <> (g.status IN ('PENDING', 'PROCESSING'))
            OR (s.id IS NOT NULL AND -s.delta_held <> g.price_credits)
            OR (s.id IS NOT NULL AND s.kind <> 'RETIRE' AND g.charged_credits + g.returned_credits <> g.price_credits)
            OR (s.kind = 'RETIRE' AND (g.status = 'COMPLETED' OR g.charged_credits + g.returned_credits <> 0))
        GROUP BY g.user_id
    ),
    -- What was retired instead of returned must have its money on the way back, or owed.
    retired AS (
        SELECT g.user_id, count(*) AS wrong
        FROM generations g
        JOIN chosen c ON c.user_id = g.user_id
        JOIN ledger_entries s ON s.key = 'settle:' || g.id AND s.kind = 'RETIRE'
        WHERE NOT EXISTS (
            SELECT 1 FROM payments p
            WHERE p.generation_id = g.id
                AND (g.money_back OR EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = p.id)))
        GROUP BY g.user_id
    )
    SELECT u.id, u.credits, u.held, u.debt, u.active_generations,
        s.available AS sum_available, s.held AS sum_held, s.debt AS sum_debt,
        w.held AS open_held, w.active AS open_active, coalesce(t.wrong, 0) AS wrong_settling,
        coalesce(r.wrong, 0) AS wrong_retired
    FROM users u
    JOIN sums s ON s.user_id = u.id
    JOIN work w ON w.user_id = u.id
    LEFT JOIN settling t ON t.user_id = u.id
    LEFT JOIN retired r ON r.user_id = u.id
    WHERE u.credits <> s.available OR u.held <> s.held OR u.debt <> s.debt OR u.held <> w.held
        OR u.active_generations <> w.active OR t.wrong IS NOT NULL
        OR r.wrong IS NOT NULL
    """
)


async def prove(reader: Reader, user_ids: Sequence[int]) -> list[Breach]:
    """Every rule that is broken for one of these users."""
    breaches = []
    for row in await reader.all(_PROVE, {"user_ids": list(user_ids)}):
        rules = {
            "available_is_sum": (row.credits, row.sum_available),
            "held_is_sum": (row.held, row.sum_held),
            "debt_is_sum": (row.debt, row.sum_debt),
            "held_is_open_work": (row.held, row.open_held),
            "active_is_open_work": (row.active_generations, row.open_active),
            "one_settling_entry": (row.wrong_settling, 0),
            "retired_is_refunded": (row.wrong_retired, 0),
        }
        breaches += [
            Breach(user_id=row.id, rule=rule, detail=f"{found} instead of {expected}")
            for rule, (found, expected) in rules.items()
            if found != expected
        ]
    return breaches


async def list_users(reader: Reader, *, after_id: int) -> list[int]:
    """The next slice of user ids, for a full proof."""
    return [row.id for row in await reader.all(_SLICE_OF_USERS, {"after_id": after_id, "limit": _SLICE})]


async def take_touched(tx: Tx) -> list[int]:
    """The users touched since the check before the last one; moves the cursors.

    Ids are given out before their transactions commit, so that an entry may appear behind a cursor: each entry is
    therefore looked at twice, a minute apart, which is longer than any transaction lives.
    """
    cursors = await find_setting(tx, _CURSORS_KEY) or [0, 0]
    rows = await tx.all(_TOUCHED, {"after_id": cursors[0], "limit": _TOUCHED_LIMIT})
    newest = int(await tx.scalar(_NEWEST))
    if len(rows) == _TOUCHED_LIMIT:
        log.warning("too_many_users_touched", limit=_TOUCHED_LIMIT)
    await put_setting(tx, _CURSORS_KEY, [cursors[1], newest])
    return [row.user_id for row in rows]
