"""Invitations: who counts as invited, and a reward that waits out the refund window (traps 9 and 37)."""

import asyncio
from datetime import timedelta

import pytest

from app.core.ids import expand_number, shorten_number
from app.core.jobs import Queue
from app.domain.accounts.service import Visit
from app.domain.accounts.starts import Start, StartKind, read_start
from app.domain.ports import StarsRefused, StarsUnavailable
from app.domain.referrals import rewards
from app.domain.referrals.views import Referrals
from app.domain.users.service import TelegramIdentity
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor
from tests.domain.till import paid, refund_of

WINDOW = timedelta(days=21)
BEN = 700_000_002


async def come(shop: Shop, inviter: UserView, telegram_id: int = BEN) -> Visit:
    """A visit through an invite link."""
    link = (await shop.services.referrals.summary(actor(inviter))).link
    return await shop.services.accounts.enter(
        TelegramIdentity(telegram_id, "Ben", None, "en"), start_param=link.partition("start=")[2]
    )


async def sweep(shop: Shop) -> int:
    """What the worker would do with the rewards that are due."""
    due = await shop.services.referrals.ring_due(limit=100)
    for job in due:
        await shop.services.referrals.settle(int(job.subject))
    return len(due)


async def look(shop: Shop, user: UserView) -> Referrals:
    return await shop.services.referrals.summary(actor(user))


def sums(referrals: Referrals) -> tuple[int, int, int, int]:
    return referrals.invited, referrals.escrow, referrals.paid, referrals.reversed


async def credits_of(shop: Shop, user: UserView) -> int:
    return (await shop.balances(user.id))[0]


# Coming in


def test_a_number_comes_back_from_its_link() -> None:
    for number in (0, 1, 35, 36, 1_000_000, 2**63 - 1):
        assert expand_number(shorten_number(number)) == number


@pytest.mark.parametrize("value", ["", "-1", "A", "01", "zz zz", "z" * 40, "é"])
def test_what_is_no_number_of_ours_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        expand_number(value)


@pytest.mark.parametrize(
    ("parameter", "start"),
    [
        ("ref_1a", Start(StartKind.REFERRAL, "1a")),
        ("promo_SPRING", Start(StartKind.PROMO, "SPRING")),
        ("gift_AbC-_", Start(StartKind.GIFT, "AbC-_")),
        ("gen_x", Start(StartKind.GENERATION, "x")),
        ("ref_", None),
        ("drop_table", None),
        ("ref_<b>", None),
        ("", None),
        (None, None),
    ],
)
def test_a_start_parameter_says_what_the_link_was_for(parameter: str | None, start: Start | None) -> None:
    assert read_start(parameter) == start


async def test_a_newcomer_through_the_link_is_invited(shop: Shop, ann: UserView) -> None:
    visit = await come(shop, ann)
    assert (visit.is_new, visit.start) == (True, Start(StartKind.REFERRAL, shorten_number(ann.id)))
    assert sums(await look(shop, ann)) == (1, 0, 0, 0)


async def test_who_was_here_before_was_invited_by_nobody(shop: Shop, ann: UserView) -> None:
    await shop.newcomer(BEN)
    await come(shop, ann)
    assert sums(await look(shop, ann)) == (0, 0, 0, 0)


async def test_who_deleted_their_data_is_not_new(shop: Shop, ann: UserView) -> None:
    ben = await shop.newcomer(BEN)
    await shop.services.accounts.erase(actor(ben))
    assert not (await come(shop, ann)).is_new
    assert sums(await look(shop, ann)) == (0, 0, 0, 0)


async def test_nobody_invites_themselves(shop: Shop, ann: UserView) -> None:
    await come(shop, ann, 700_000_001)
    async with shop.db.transaction() as tx:
        assert not await rewards.record_invite(tx, invitee_id=ann.id, inviter_id=ann.id, reward=20, escrow=WINDOW)
    assert sums(await look(shop, ann)) == (0, 0, 0, 0)


async def test_a_ring_is_refused_however_long(shop: Shop, ann: UserView) -> None:
    ben = (await come(shop, ann)).user
    cem = (await come(shop, ben, BEN + 1)).user
    for inviter in (ben, cem):
        async with shop.db.transaction() as tx:
            assert not await rewards.record_invite(
                tx, invitee_id=ann.id, inviter_id=inviter.id, reward=20, escrow=WINDOW
            )


@pytest.mark.parametrize("parameter", ["ref_zzzz", "ref_ZZ", "ref_" + "z" * 58])
async def test_an_invitation_by_nobody_is_passed_over(shop: Shop, parameter: str) -> None:
    visit = await shop.services.accounts.enter(TelegramIdentity(BEN, "Ben", None, "en"), start_param=parameter)
    assert visit.is_new
    assert await shop.scalar("SELECT count(*) FROM referrals") == 0


async def test_a_banned_user_invites_nobody(shop: Shop, ann: UserView) -> None:
    await shop.services.users.ban(OPERATOR, 700_000_001, reason="spam")
    await come(shop, ann)
    assert sums(await look(shop, ann)) == (0, 0, 0, 0)


async def test_two_first_entries_at_once_are_one_invitation(shop: Shop, ann: UserView) -> None:
    visits = await asyncio.gather(*(come(shop, ann) for _ in range(4)))
    assert len({visit.user.id for visit in visits}) == 1
    assert sums(await look(shop, ann)) == (1, 0, 0, 0)


# The reward


async def test_the_reward_waits_out_the_refund_window_and_is_paid_once(shop: Shop, ann: UserView) -> None:
    ben = (await come(shop, ann)).user
    await paid(shop, ben)
    assert sums(await look(shop, ann)) == (1, 20, 0, 0)
    await shop.advance_clock(WINDOW - timedelta(minutes=1))
    assert (await sweep(shop), await credits_of(shop, ann)) == (0, 20)
    await shop.advance_clock(timedelta(minutes=2))
    await asyncio.gather(*(shop.services.referrals.settle(ben.id) for _ in range(5)))
    assert await sweep(shop) == 0
    assert await credits_of(shop, ann) == 40
    assert sums(await look(shop, ann)) == (1, 0, 20, 0)
    assert await shop.scalar("SELECT key FROM ledger_entries ORDER BY id DESC LIMIT 1") == f"referral:{ben.id}"
    await shop.deliver_all()
    assert [outgoing.params["key"] for _, outgoing in shop.telegram.sent if outgoing.template == "notice"] == [
        "referral-reward"
    ]
    assert await shop.prove() == []


async def test_only_the_first_purchase_rewards(shop: Shop, ann: UserView) -> None:
    ben = (await come(shop, ann)).user
    for _ in range(3):
        await paid(shop, ben)
        await shop.advance_clock(WINDOW + timedelta(days=1))
        await sweep(shop)
    assert await credits_of(shop, ann) == 40


async def test_two_purchases_at_once_put_one_reward_into_escrow(shop: Shop, ann: UserView) -> None:
    ben = (await come(shop, ann)).user
    await asyncio.gather(*(paid(shop, ben) for _ in range(3)))
    assert sums(await look(shop, ann)) == (1, 20, 0, 0)


async def test_a_refund_within_the_window_takes_the_reward_for_nothing(shop: Shop, ann: UserView) -> None:
    ben = (await come(shop, ann)).user
    _, charge = await paid(shop, ben)
    await shop.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked")
    assert sums(await look(shop, ann)) == (1, 0, 0, 20)
    await shop.advance_clock(WINDOW + timedelta(days=1))
    await sweep(shop)
    await paid(shop, ben)
    await shop.advance_clock(WINDOW + timedelta(days=1))
    await sweep(shop)
    assert await credits_of(shop, ann) == 20


async def test_a_refund_after_the_window_takes_the_reward_back(shop: Shop, ann: UserView) -> None:
    ben = (await come(shop, ann)).user
    _, charge = await paid(shop, ben)
    await shop.advance_clock(WINDOW + timedelta(days=1))
    await sweep(shop)
    await shop.services.credits.adjust(OPERATOR, 700_000_001, -25, reason="spent")
    await shop.services.refunds.record_vendor_refund(refund_of(charge))
    assert any(job.queue is Queue.REST and job.subject == str(ben.id) for job in shop.bell.jobs)
    await asyncio.gather(*(shop.services.referrals.settle(ben.id) for _ in range(3)))
    user = await shop.services.users.get(ann.id)
    # What is spent of it is owed.
    assert (user.credits, user.debt) == (0, 5)
    assert await shop.scalar("SELECT key FROM ledger_entries ORDER BY id DESC LIMIT 1") == f"referral_undo:{ben.id}"
    assert sums(await look(shop, ann)) == (1, 0, 0, 20)
    assert await shop.prove() == []


async def test_a_refund_that_the_vendor_refuses_leaves_the_reward(shop: Shop, ann: UserView) -> None:
    ben = (await come(shop, ann)).user
    _, charge = await paid(shop, ben)
    shop.till.answers.append(StarsRefused("no"))
    await shop.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked")
    assert sums(await look(shop, ann)) == (1, 20, 0, 0)


async def test_a_refund_that_is_still_asked_for_leaves_the_reward_until_it_is_answered(
    shop: Shop, ann: UserView
) -> None:
    ben = (await come(shop, ann)).user
    _, charge = await paid(shop, ben)
    shop.till.answers.append(StarsUnavailable("away"))
    refund = await shop.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked")
    assert sums(await look(shop, ann)) == (1, 20, 0, 0)
    await shop.finish_refund(refund.id)
    assert sums(await look(shop, ann)) == (1, 0, 0, 20)


async def test_a_refund_and_the_end_of_the_window_at_once_leave_no_reward(shop: Shop, ann: UserView) -> None:
    ben = (await come(shop, ann)).user
    _, charge = await paid(shop, ben)
    await shop.advance_clock(WINDOW + timedelta(days=1))
    await asyncio.gather(
        sweep(shop), shop.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked", insist=True), sweep(shop)
    )
    await sweep(shop)
    user = await shop.services.users.get(ann.id)
    assert (user.credits, user.debt) == (20, 0)
    assert await shop.prove() == []


async def test_a_banned_inviter_waits_and_one_who_left_gets_nothing(shop: Shop, ann: UserView) -> None:
    ben = (await come(shop, ann)).user
    await paid(shop, ben)
    await shop.advance_clock(WINDOW + timedelta(days=1))
    await shop.services.users.ban(OPERATOR, 700_000_001, reason="spam")
    await sweep(shop)
    assert (await sweep(shop), await credits_of(shop, ann)) == (0, 20)
    await shop.services.users.unban(OPERATOR, 700_000_001, reason="sorry")
    await shop.services.accounts.erase(actor(ann))
    await shop.advance_clock(timedelta(days=2))
    await sweep(shop)
    assert await shop.scalar("SELECT state FROM referrals") == "REVERSED"
    assert await shop.prove() == []


async def test_without_a_reward_invitations_are_only_counted(open_shop: OpenShop) -> None:
    shop = await open_shop(referral_reward=0)
    ann = await shop.newcomer()
    ben = (await come(shop, ann)).user
    await paid(shop, ben)
    await shop.advance_clock(WINDOW + timedelta(days=1))
    await sweep(shop)
    assert (await credits_of(shop, ann), sums(await look(shop, ann))) == (20, (1, 0, 0, 0))


async def test_nothing_is_told_of_who_was_invited(shop: Shop, ann: UserView) -> None:
    await come(shop, ann)
    [item] = (await look(shop, ann)).items
    assert set(type(item).__dataclass_fields__) == {"state", "reward", "invited_at", "due_at"}
