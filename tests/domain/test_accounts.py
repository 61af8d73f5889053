"""Accounts: the first credits once, ever; a ban outlives deletion; what is deleted is gone (traps 35, 37, 40)."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.domain.accounts.service import Visit
from app.domain.delivery import outbox
from app.domain.errors import (
    GenerationNotFound,
    InitDataExpired,
    InitDataInvalid,
    NotFound,
    UserBanned,
    UserNotFound,
)
from app.domain.generations.models import Origin
from app.domain.generations.requests import NewDraft
from app.domain.users import repository as users
from app.domain.users.service import TelegramIdentity
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor
from tests.fakes import Gate
from tests.waiting import SOMEBODY_WAITS_FOR_US, until

TELEGRAM_ID = 700_000_001


async def test_the_first_visit_brings_the_first_credits(shop: Shop) -> None:
    first = await shop.enter(TELEGRAM_ID)
    again = await shop.enter(TELEGRAM_ID)
    assert (first.is_new, first.granted_credits, first.user.credits) == (True, 20, 20)
    assert (again.is_new, again.granted_credits, again.user.credits) == (False, 0, 20)
    assert again.user.id == first.user.id
    assert await shop.prove() == []


async def test_ten_doors_at_once_are_one_user_and_one_grant(open_shop: OpenShop) -> None:
    """Trap 40: the chat and the cabinet open at the same moment, in two processes."""
    shops = [await open_shop(), await open_shop()]
    visits: list[Visit] = await asyncio.gather(*(shops[at % 2].enter(TELEGRAM_ID) for at in range(10)))
    assert len({visit.user.id for visit in visits}) == 1
    assert sorted(visit.granted_credits for visit in visits) == [0] * 9 + [20]
    assert {visit.user.credits for visit in visits} == {20}
    assert await shops[0].scalar("SELECT count(*) FROM ledger_entries") == 1


async def test_without_a_grant_there_is_no_entry(open_shop: OpenShop) -> None:
    shop = await open_shop(free_credits=0)
    assert (await shop.enter(TELEGRAM_ID)).user.credits == 0
    assert await shop.prove() == []


async def test_the_grant_is_not_won_back_by_deletion(shop: Shop, ann: UserView) -> None:
    """Trap 37."""
    await shop.services.accounts.erase(actor(ann))
    back = await shop.enter(TELEGRAM_ID)
    assert (back.user.id, back.user.credits, back.granted_credits) == (ann.id, 0, 0)
    assert await shop.scalar("SELECT count(*) FROM ledger_entries WHERE kind = 'GRANT'") == 1
    assert await shop.prove() == []


async def test_a_ban_survives_deletion(shop: Shop, ann: UserView) -> None:
    await shop.services.users.ban(OPERATOR, TELEGRAM_ID, reason="spam")
    await shop.services.accounts.erase(actor(ann))
    back = await shop.enter(TELEGRAM_ID)
    assert back.user.banned
    with pytest.raises(UserBanned):
        await shop.submit(back.user)


async def test_deletion_returns_open_work_first(shop: Shop, ann: UserView) -> None:
    waiting = await shop.submit(ann)
    working = await shop.submit(ann)
    await shop.step(working)
    await shop.services.accounts.erase(actor(ann))
    for view in (waiting, working):
        assert await shop.scalar("SELECT status FROM generations WHERE id = :id", id=view.id) == "CANCELLED"
    assert await shop.balances(ann.id) == (0, 0, 0)
    kinds = await shop.run_sql("SELECT kind FROM ledger_entries ORDER BY id")
    assert [row["kind"] for row in kinds] == ["GRANT", "HOLD", "HOLD", "RELEASE", "RELEASE", "ADJUST"]
    assert await shop.prove() == []


async def test_a_runner_that_comes_after_the_deletion_keeps_nothing(shop: Shop, ann: UserView) -> None:
    """Trap 35: its result has nowhere to go."""
    view = await shop.submit(ann)
    await shop.step(view)
    gate = shop.downloads.gate = Gate()
    run = asyncio.create_task(shop.step(view))
    await gate.reached.wait()
    await shop.services.accounts.erase(actor(ann))
    gate.open()
    await run
    assert await shop.scalar("SELECT count(*) FROM generation_outputs") == 0
    assert await shop.scalar("SELECT status FROM generations") == "CANCELLED"
    await shop.services.collector.collect(view.id)
    assert shop.store.objects == {}
    assert await shop.prove() == []


async def test_deletion_leaves_nothing_personal(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, "a secret wish", negative_prompt="rain", origin=Origin.BOT))
    draft = await shop.services.drafts.create(actor(ann), NewDraft("another secret wish"))
    token = await shop.sessions.create(ann.id, ttl_seconds=60)
    await shop.services.accounts.erase(actor(ann))
    await shop.services.collector.collect(done.id)
    assert shop.store.objects == {}
    assert await shop.sessions.find(token) is None
    with pytest.raises(NotFound):
        await shop.services.drafts.get(actor(ann), draft.id)
    with pytest.raises(GenerationNotFound):
        await shop.look(done)
    await shop.deliver_all()
    assert shop.telegram.sent == []
    tables = await shop.run_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table in tables:
        name = table["tablename"]
        for row in await shop.run_sql(f"SELECT to_jsonb(t)::text AS line FROM {name} t"):
            assert "secret wish" not in row["line"], name
            assert str(TELEGRAM_ID) not in row["line"], name
            assert "Ann" not in row["line"], name


async def _show(shop: Shop, user: UserView, generation_id: UUID, *, message_id: int) -> None:
    """What the history does once it has shown a picture."""
    await shop.services.deliveries.note_sent(
        user_id=user.id, chat_id=TELEGRAM_ID, generation_id=generation_id, message_id=message_id, output_indices=[0]
    )


async def test_deletion_leaves_no_chat_of_what_the_history_showed(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann))
    await _show(shop, ann, done.id, message_id=50)
    await shop.services.accounts.erase(actor(ann))
    await _show(shop, ann, done.id, message_id=51)
    lines = [row["line"] for row in await shop.run_sql("SELECT to_jsonb(d)::text AS line FROM deliveries d")]
    assert lines
    assert not [line for line in lines if str(TELEGRAM_ID) in line]


async def test_what_is_shown_while_the_data_are_deleted_is_not_noted(open_shop: OpenShop) -> None:
    shop = await open_shop()
    user = await shop.newcomer(TELEGRAM_ID)
    done = await shop.work(await shop.submit(user))
    dropped = asyncio.Event()

    async def delete() -> None:
        async with shop.db.transaction() as tx:
            assert await users.lock(tx, user.id)
            await outbox.drop(tx, user.id)
            dropped.set()
            await until(lambda: tx.scalar(SOMEBODY_WAITS_FOR_US))
            await users.erase(tx, user.id)

    deleting = asyncio.create_task(delete())
    await dropped.wait()
    await _show(shop, user, done.id, message_id=50)
    await deleting
    assert await shop.scalar("SELECT count(*) FROM deliveries WHERE kind = 'album'") == 0


async def test_deletion_is_done_also_while_sessions_cannot_be_revoked(shop: Shop, ann: UserView) -> None:
    shop.memory_sessions.reachable = False
    await shop.services.accounts.erase(actor(ann))
    with pytest.raises(UserNotFound):
        await shop.services.accounts.me(actor(ann))


async def test_deletion_forgets_what_was_kept_elsewhere(shop: Shop, ann: UserView) -> None:
    """Updates whose handler failed, and what was written to the operator; nobody else's."""
    other = 700_000_002
    for telegram_id in (TELEGRAM_ID, other):
        person = {"id": telegram_id, "first_name": "Ann"}
        bodies: list[dict[str, object]] = [
            {"message": {"message_id": 1, "from": person, "chat": person, "text": "a secret wish"}},
            {"callback_query": {"id": "5", "from": person, "data": "x"}},
            {"my_chat_member": {"chat": person, "from": person}},
        ]
        for number, body in enumerate(bodies):
            update = {"update_id": telegram_id + number, **body}
            await shop.services.inbox.store_failed(
                source="telegram", body=update, error="a bug", telegram_id=telegram_id
            )
        await shop.services.alerts.raise_(
            f"paysupport:{telegram_id}", "alert-paysupport", {"telegram_id": str(telegram_id), "request": "my money"}
        )
    await shop.deliver_all()
    late = {"telegram_id": str(TELEGRAM_ID), "request": "still owed"}
    await shop.services.alerts.raise_("paysupport:late", "alert-paysupport", late)
    await shop.services.accounts.erase(actor(ann))
    assert await shop.scalar("SELECT count(*) FROM inbox") == 3
    assert await shop.scalar("SELECT count(*) FROM inbox WHERE body::text LIKE '%' || :id || '%'", id=str(other)) == 3
    kept = await shop.run_sql("SELECT params FROM alerts WHERE params <> '{}'")
    assert [row["params"]["telegram_id"] for row in kept] == [str(other)]
    alerts = await shop.run_sql("SELECT state, params FROM deliveries WHERE kind = 'alert' ORDER BY id")
    assert [row["state"] for row in alerts] == ["SENT", "SENT", "OWED"]
    assert [row["params"].get("args", {}).get("request") for row in alerts] == [None, "my money", "still owed"]


async def test_who_is_deleted_is_not_there(shop: Shop, ann: UserView) -> None:
    await shop.services.accounts.erase(actor(ann))
    for use in (shop.services.accounts.me(actor(ann)), shop.services.accounts.erase(actor(ann))):
        with pytest.raises(UserNotFound):
            await use


async def test_telegrams_names_are_taken_over(shop: Shop, ann: UserView) -> None:
    renamed = await shop.services.accounts.enter(TelegramIdentity(TELEGRAM_ID, "Anna", "anna", "ru"))
    assert (renamed.user.first_name, renamed.user.username) == ("Anna", "anna")
    assert renamed.user.language == "en", "the language of the first visit stays until it is chosen"


async def test_a_chosen_language_stays(shop: Shop, ann: UserView) -> None:
    await shop.services.users.choose_language(actor(ann), "uz")
    assert (await shop.enter(TELEGRAM_ID, name="Anna")).user.language == "uz"


@pytest.mark.parametrize(("age", "accepted"), [(0, True), (86_390, True), (86_410, False), (-30, True), (-120, False)])
async def test_launch_data_is_neither_old_nor_from_the_future(shop: Shop, age: int, accepted: bool) -> None:
    identity = TelegramIdentity(TELEGRAM_ID, "Ann", None, "en")
    auth_date = datetime.now(UTC) - timedelta(seconds=age)
    enter = shop.services.accounts.enter_launch(identity, auth_date=auth_date)
    if accepted:
        assert (await enter).is_new
        return
    with pytest.raises(InitDataExpired if age > 0 else InitDataInvalid):
        await enter
    assert await shop.scalar("SELECT count(*) FROM users") == 0


async def test_the_age_of_launch_data_is_by_the_products_clock(shop: Shop) -> None:
    await shop.advance_clock(timedelta(days=2))
    identity = TelegramIdentity(TELEGRAM_ID, "Ann", None, "en")
    with pytest.raises(InitDataExpired):
        await shop.services.accounts.enter_launch(identity, auth_date=datetime.now(UTC))


async def test_me_says_what_one_may(shop: Shop, ann: UserView) -> None:
    account = await shop.services.accounts.me(actor(ann))
    assert (account.limits.active, account.limits.per_minute, account.limits.per_hour) == (5, 10, 60)
    assert account.referral_link.startswith("https://t.me/starbrush_test_bot?start=ref_")


async def test_a_visit_a_minute_is_written_down_once(shop: Shop, ann: UserView) -> None:
    seen = "SELECT last_active_at FROM users"
    before = await shop.scalar(seen)
    await shop.enter(TELEGRAM_ID)
    assert await shop.scalar(seen) == before
    await shop.advance_clock(timedelta(seconds=90))
    await shop.enter(TELEGRAM_ID)
    assert await shop.scalar(seen) > before
