"""What an operator does to a user, and the audit log of it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.domain.errors import UserBanned, UserNotFound, UserSuspended, ValidationFailed
from app.domain.users.views import UserView
from tests.domain.shop import OPERATOR, Shop, actor

TELEGRAM_ID = 700_000_001
DAY = timedelta(days=1)


async def test_a_ban_is_lifted(shop: Shop, ann: UserView) -> None:
    banned = await shop.services.users.ban(OPERATOR, TELEGRAM_ID, reason="spam")
    assert (banned.banned, banned.ban_reason) == (True, "spam")
    with pytest.raises(UserBanned):
        await shop.submit(ann)
    lifted = await shop.services.users.unban(OPERATOR, TELEGRAM_ID, reason="sorry")
    assert (lifted.banned, lifted.ban_reason) == (False, None)
    await shop.submit(ann)


async def test_lifting_a_ban_lifts_a_suspension(shop: Shop, ann: UserView) -> None:
    await shop.services.users.suspend(OPERATOR, TELEGRAM_ID, until=datetime.now(UTC) + DAY, reason="calm")
    with pytest.raises(UserSuspended):
        await shop.submit(ann)
    assert (await shop.services.users.unban(OPERATOR, TELEGRAM_ID, reason="sorry")).suspended_until is None
    await shop.submit(ann)


async def test_a_lifted_suspension_leaves_the_ban(shop: Shop, ann: UserView) -> None:
    users = shop.services.users
    await users.ban(OPERATOR, TELEGRAM_ID, reason="spam")
    await users.suspend(OPERATOR, TELEGRAM_ID, until=datetime.now(UTC) + DAY, reason="calm")
    lifted = await users.lift_suspension(OPERATOR, TELEGRAM_ID, reason="calmed")
    assert (lifted.banned, lifted.suspended_until) == (True, None)


async def test_a_tier_runs_out(shop: Shop, ann: UserView) -> None:
    given = await shop.services.users.set_tier(
        OPERATOR, TELEGRAM_ID, tier="vip", until=datetime.now(UTC) + DAY, reason="a gift"
    )
    assert given.tier == "vip"
    await shop.advance_clock(2 * DAY)
    assert (await shop.services.users.get(ann.id)).tier == "free"


async def test_what_does_not_fit_is_refused(shop: Shop, ann: UserView) -> None:
    users = shop.services.users
    later = datetime.now(UTC) + DAY
    for wrong in (
        users.ban(OPERATOR, TELEGRAM_ID, reason=" "),
        users.suspend(OPERATOR, TELEGRAM_ID, until=later, reason=""),
        users.set_tier(OPERATOR, TELEGRAM_ID, tier="gold", until=None, reason="a gift"),
        users.choose_language(actor(ann), "de"),
    ):
        with pytest.raises(ValidationFailed):
            await wrong
    for nobody in (
        users.ban(OPERATOR, 1, reason="spam"),
        users.unban(OPERATOR, 1, reason="sorry"),
        users.get(10**9),
        users.get_by_telegram_id(1),
    ):
        with pytest.raises(UserNotFound):
            await nobody
    assert await shop.scalar("SELECT count(*) FROM audit_log") == 0


async def test_quick_mode_is_kept(shop: Shop, ann: UserView) -> None:
    assert not ann.quick_mode
    assert (await shop.services.users.set_quick_mode(actor(ann), enabled=True)).quick_mode
    assert not (await shop.services.users.set_quick_mode(actor(ann), enabled=False)).quick_mode


async def acts(shop: Shop) -> None:
    users = shop.services.users
    await users.ban(OPERATOR, TELEGRAM_ID, reason="spam — «спам»")
    await users.unban(OPERATOR, TELEGRAM_ID, reason="sorry")
    await users.suspend(OPERATOR, TELEGRAM_ID, until=datetime.now(UTC) + DAY, reason="calm")
    await users.set_tier(OPERATOR, TELEGRAM_ID, tier="vip", until=None, reason="a gift")
    await shop.services.credits.adjust(OPERATOR, TELEGRAM_ID, 5, reason="a gift")
    await shop.services.catalog.set_maintenance(OPERATOR, enabled=True, reason="an update")


async def test_every_act_is_audited_with_before_and_after(shop: Shop, ann: UserView) -> None:
    await acts(shop)
    rows = await shop.run_sql("SELECT actor, action, subject, before, after, reason FROM audit_log ORDER BY id")
    assert [row["action"] for row in rows] == [
        "user.ban",
        "user.unban",
        "user.suspend",
        "user.tier",
        "credits.adjust",
        "maintenance",
    ]
    assert {row["actor"] for row in rows} == {"operator:tests"}
    assert (rows[0]["before"]["banned"], rows[0]["after"]["banned"]) == (False, True)
    assert (rows[4]["before"]["credits"], rows[4]["after"]["credits"]) == (20, 25)
    assert await shop.services.books.find_broken_audit_entry() is None


async def test_an_act_that_fails_is_not_audited(shop: Shop, ann: UserView) -> None:
    with pytest.raises(Exception, match="INSUFFICIENT_CREDITS"):
        await shop.services.credits.adjust(OPERATOR, TELEGRAM_ID, -500, reason="too much")
    assert await shop.scalar("SELECT count(*) FROM audit_log") == 0


async def test_acts_at_once_are_one_chain(shop: Shop, ann: UserView) -> None:
    others = [await shop.newcomer(700_000_010 + number) for number in range(8)]
    adjust = shop.services.credits.adjust
    await asyncio.gather(*(adjust(OPERATOR, other.telegram_id or 0, 1, reason="a gift") for other in others))
    assert await shop.scalar("SELECT count(*) FROM audit_log") == 8
    assert await shop.services.books.find_broken_audit_entry() is None


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_log SET reason = 'nothing' WHERE id = 3",
        "UPDATE audit_log SET actor = 'operator:another' WHERE id = 3",
        "UPDATE audit_log SET after = '{}' WHERE id = 3",
        "UPDATE audit_log SET at = at + interval '1 microsecond' WHERE id = 3",
        "UPDATE audit_log SET hash = previous_hash WHERE id = 3",
    ],
)
async def test_a_changed_entry_is_found(shop: Shop, ann: UserView, tampering: str) -> None:
    await acts(shop)
    async with shop.db.transaction() as tx:
        # Somebody with the rights of the database's owner.
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.execute(text(tampering))
    assert await shop.services.books.find_broken_audit_entry() == 3


async def test_a_missing_entry_is_found(shop: Shop, ann: UserView) -> None:
    await acts(shop)
    async with shop.db.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.execute(text("DELETE FROM audit_log WHERE id = 3"))
    assert await shop.services.books.find_broken_audit_entry() == 4
