"""Credits: debt first, nothing negative, every key once, nothing ever changed (promise 1, traps 1, 12)."""

import asyncio

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.domain.credits import ledger
from app.domain.credits.ledger import Entry
from app.domain.credits.models import EntryKind
from app.domain.errors import InsufficientCredits, UserNotFound, ValidationFailed
from app.domain.users.views import UserView
from tests.domain.shop import OPERATOR, Shop, actor


def entry(key: str, kind: EntryKind = EntryKind.GRANT) -> Entry:
    return Entry(kind, key, "test", key, "system:test")


async def owe(shop: Shop, user: UserView, debt: int) -> None:
    """A debt, as a refund of spent credits leaves it: with its entry, so that the books hold."""
    await shop.run_sql("UPDATE users SET debt = :debt WHERE id = :id", debt=debt, id=user.id)
    await shop.run_sql(
        """
        INSERT INTO ledger_entries (user_id, kind, delta_available, delta_held, delta_debt, available_after, held_after,
            debt_after, reference_type, reference_id, key, actor)
        VALUES (:id, 'ADJUST', 0, 0, :debt, :credits, 0, :debt, 'test', 'debt', 'test:debt', 'system:test')
        """,
        id=user.id,
        debt=debt,
        credits=user.credits,
    )


@pytest.mark.parametrize("table", ["ledger_entries", "audit_log", "generation_events"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = DEFAULT", "DELETE FROM {}", "TRUNCATE {}"])
async def test_entries_are_never_changed(shop: Shop, ann: UserView, table: str, statement: str) -> None:
    await shop.submit(ann)
    await shop.newcomer(credits=30)
    assert await shop.scalar(f"SELECT count(*) FROM {table}")
    with pytest.raises(DBAPIError, match="append-only"):
        await shop.run_sql(statement.format(table))


async def test_a_user_with_entries_cannot_be_deleted(shop: Shop, ann: UserView) -> None:
    with pytest.raises(IntegrityError, match="ledger_entries"):
        await shop.run_sql("DELETE FROM users WHERE id = :id", id=ann.id)


async def test_no_foreign_key_cascades(shop: Shop) -> None:
    rules = await shop.run_sql(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND (confdeltype <> 'r' OR confupdtype IN ('c', 'n'))"
    )
    assert rules == []


@pytest.mark.parametrize(
    ("debt", "added", "available", "left"), [(5, 3, 20, 2), (5, 5, 20, 0), (5, 12, 27, 0), (0, 12, 32, 0)]
)
async def test_what_is_added_pays_debt_first(
    shop: Shop, ann: UserView, debt: int, added: int, available: int, left: int
) -> None:
    if debt:
        await owe(shop, ann, debt)
    after = await shop.services.credits.adjust(OPERATOR, 700_000_001, added, reason="a gift")
    assert (after.credits, after.debt) == (available, left)
    newest = (await shop.services.credits.statement(actor(ann))).items[0]
    assert (newest.delta_available, newest.delta_debt) == (available - 20, left - debt)
    assert await shop.prove() == []


async def test_a_returned_hold_pays_debt_first(shop: Shop, ann: UserView) -> None:
    accepted = await shop.submit(ann, count=4)
    await owe(shop, await shop.services.users.get(ann.id), 3)
    # The entry above was written with nothing held; the proof wants the true figure in the balances alone.
    await shop.services.generations.cancel(actor(ann), accepted.id)
    after = await shop.services.users.get(ann.id)
    assert (after.credits, after.held, after.debt) == (17, 0, 0)
    assert await shop.prove() == []


async def test_a_key_is_used_once(shop: Shop, ann: UserView) -> None:
    async with shop.db.transaction() as tx:
        await ledger.add(tx, ann.id, 5, entry("grant:once"))
    with pytest.raises(IntegrityError, match="ledger_entries_key_key"):
        async with shop.db.transaction() as tx:
            await ledger.add(tx, ann.id, 5, entry("grant:once"))
    assert await shop.balances(ann.id) == (25, 0, 0)
    assert await shop.prove() == []


async def test_a_generation_settles_once(shop: Shop, ann: UserView) -> None:
    accepted = await shop.submit(ann)
    done = await shop.work(accepted)
    settling = entry(f"settle:{done.id}", EntryKind.RELEASE)
    await shop.submit(ann)
    with pytest.raises(IntegrityError, match="ledger_entries_key_key"):
        async with shop.db.transaction() as tx:
            await ledger.settle(tx, ann.id, held=4, captured=0, entry=settling)
    assert await shop.balances(ann.id) == (12, 4, 1)


@pytest.mark.parametrize("column", ["credits", "held", "debt", "active_generations"])
async def test_no_balance_is_ever_negative(shop: Shop, ann: UserView, column: str) -> None:
    with pytest.raises(IntegrityError, match="users_money_not_negative"):
        await shop.run_sql(f"UPDATE users SET {column} = -1 WHERE id = :id", id=ann.id)


async def test_more_than_is_available_cannot_be_taken(shop: Shop, ann: UserView) -> None:
    with pytest.raises(InsufficientCredits) as refusal:
        await shop.services.credits.adjust(OPERATOR, 700_000_001, -21, reason="too much")
    assert refusal.value.params == {"required": 21, "available": 20}
    assert await shop.balances(ann.id) == (20, 0, 0)
    assert (await shop.services.credits.adjust(OPERATOR, 700_000_001, -20, reason="all of it")).credits == 0


@pytest.mark.parametrize(
    ("delta", "reason", "field"), [(0, "none", "delta"), (1_000_001, "a slip", "delta"), (5, " ", "reason")]
)
async def test_an_adjustment_needs_an_amount_and_a_reason(
    shop: Shop, ann: UserView, delta: int, reason: str, field: str
) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        await shop.services.credits.adjust(OPERATOR, 700_000_001, delta, reason=reason)
    assert list(refusal.value.params["fields"]) == [field]  # type: ignore[call-overload]  # params are plain JSON


async def test_an_adjustment_of_nobody_is_refused(shop: Shop) -> None:
    with pytest.raises(UserNotFound):
        await shop.services.credits.adjust(OPERATOR, 1, 5, reason="a gift")


async def test_parallel_takings_never_spend_the_same_credits(shop: Shop, ann: UserView) -> None:
    async def take(number: int) -> bool:
        async with shop.db.transaction() as tx:
            return await ledger.take(tx, ann.id, 7, entry(f"take:{number}", EntryKind.SPEND), spent=True) is not None

    assert sum(await asyncio.gather(*(take(number) for number in range(8)))) == 2
    assert await shop.balances(ann.id) == (6, 0, 0)
    assert await shop.prove() == []


async def test_the_statement_pages_newest_first(shop: Shop, ann: UserView) -> None:
    for amount in (1, 2, 3, 4):
        await shop.services.credits.adjust(OPERATOR, 700_000_001, amount, reason="a gift")
    first = await shop.services.credits.statement(actor(ann), limit=3)
    assert [item.delta_available for item in first.items] == [4, 3, 2]
    second = await shop.services.credits.statement(actor(ann), limit=3, cursor=first.next_cursor)
    assert [item.delta_available for item in second.items] == [1, 20]
    assert second.next_cursor is None
    with pytest.raises(ValidationFailed):
        await shop.services.credits.statement(actor(ann), cursor="not ours")


async def test_a_breach_is_found_and_told(shop: Shop, ann: UserView) -> None:
    assert await shop.services.books.check_touched() == []
    await shop.submit(ann)
    await shop.run_sql("UPDATE users SET credits = credits + 1 WHERE id = :id", id=ann.id)
    assert {breach.rule for breach in await shop.services.books.check_touched()} == {"available_is_sum"}
    assert await shop.alerts() == ["ledger-breach"]


@pytest.mark.parametrize(
    ("damage", "rules"),
    [
        ("UPDATE users SET held = held + 1", {"held_is_sum", "held_is_open_work"}),
        ("UPDATE users SET debt = 1", {"debt_is_sum"}),
        ("UPDATE users SET active_generations = 0", {"active_is_open_work"}),
        (
            "UPDATE generations SET status = 'FAILED'",
            {"held_is_open_work", "active_is_open_work", "one_settling_entry"},
        ),
    ],
)
async def test_every_rule_of_the_books_is_proved(shop: Shop, ann: UserView, damage: str, rules: set[str]) -> None:
    await shop.submit(ann)
    assert await shop.prove() == []
    await shop.run_sql(damage)
    assert {breach.rule for breach in await shop.prove()} == rules
