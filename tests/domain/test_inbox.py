"""Money events are kept before they are handled, handled once they can be, shown to the operator (traps 14, 16)."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from app.adapters.telegram.money_updates import SOURCE, find_person, is_about_money, read_update
from app.domain.errors import NotFound
from app.domain.inbox.models import InboxState
from app.domain.payments.models import SubscriptionState
from app.domain.payments.stars_events import RenewalChange
from app.domain.users.views import UserView
from tests.domain.shop import OPERATOR, Shop, actor
from tests.domain.till import NOON, ordered

JsonObject = dict[str, Any]


def payment_update(payload: str, *, telegram_id: int = 700_000_001, charge_id: str = "c1", **given: Any) -> JsonObject:
    return {
        "update_id": 7,
        "message": {
            "message_id": 5,
            "date": int(NOON.timestamp()),
            "chat": {"id": telegram_id, "type": "private"},
            "from": {"id": telegram_id, "is_bot": False, "first_name": "Ann"},
            "successful_payment": {
                "currency": "XTR",
                "total_amount": 100,
                "invoice_payload": payload,
                "telegram_payment_charge_id": charge_id,
                "provider_payment_charge_id": "",
            }
            | given,
        },
    }


async def states(shop: Shop) -> list[tuple[str, int]]:
    return [
        (row["state"], row["attempts"]) for row in await shop.run_sql("SELECT state, attempts FROM inbox ORDER BY id")
    ]


async def test_a_payment_is_kept_then_credited_and_its_repeat_is_nothing(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    body = payment_update(str(order.id))
    inbox = shop.services.inbox
    event_ids = [await inbox.receive(source=SOURCE, body=body) for _ in range(2)]
    assert event_ids[0] == event_ids[1]
    await asyncio.gather(*(inbox.handle(event_ids[0]) for _ in range(5)))
    assert (await shop.balances(ann.id))[0] == 120
    assert (await states(shop))[0][0] == "HANDLED"


async def test_an_event_whose_handling_was_cut_off_is_handled_by_the_sweep(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    event_id = await shop.services.inbox.receive(source=SOURCE, body=payment_update(str(order.id)))
    assert await shop.services.inbox.ring_due(limit=10) == []
    await shop.run_sql("UPDATE inbox SET next_attempt_at = now() - interval '1 second'")
    [job] = await shop.services.inbox.ring_due(limit=10)
    assert job.subject == str(event_id)
    await shop.services.inbox.handle(event_id)
    assert (await shop.balances(ann.id))[0] == 120


async def test_an_event_that_fails_stays_owed_and_is_told_and_replayed(shop: Shop, ann: UserView) -> None:
    failing = True
    handled: list[Mapping[str, Any]] = []

    async def handler(body: Mapping[str, Any]) -> None:
        if failing:
            raise RuntimeError("our bug")
        handled.append(body)

    inbox = shop.services.inbox
    inbox.register("tests", handler)
    event_id = await inbox.receive(source="tests", body={"a": "b\0"})
    for _ in range(3):
        with pytest.raises(RuntimeError) as failure:
            await inbox.handle(event_id)
        await inbox.record_failure(event_id, failure.value)
    assert await states(shop) == [("OWED", 3)]
    assert await shop.alerts() == [f"event-failing:{event_id}"]
    [item] = await inbox.list_events(state=InboxState.OWED)
    assert item.error == "RuntimeError: our bug"
    failing = False
    await inbox.replay(OPERATOR, event_id, reason="mended")
    await inbox.replay(OPERATOR, event_id, reason="once more")
    assert handled == [{"a": "b"}] * 2
    with pytest.raises(NotFound):
        await inbox.replay(OPERATOR, 10**9, reason="nothing")


async def test_what_is_still_to_be_handled_outlives_its_person(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    body = payment_update(str(order.id))
    done = await shop.services.inbox.receive(source=SOURCE, body=body, telegram_id=find_person(body))
    await shop.services.inbox.handle(done)
    late = payment_update(str(order.id), charge_id="c2")
    await shop.services.inbox.receive(source=SOURCE, body=late, telegram_id=find_person(late))
    await shop.services.accounts.erase(actor(ann))
    assert [state for state, _ in await states(shop)] == ["OWED"]


async def test_the_sweep_deletes_what_is_old_and_not_owed(shop: Shop) -> None:
    inbox = shop.services.inbox
    await inbox.receive(source="tests", body={"number": 1})
    for number in (2, 3, 4):
        await inbox.store_failed(source="tests", body={"number": number}, error="a bug")
    await shop.run_sql("UPDATE inbox SET created_at = now() - interval '181 days' WHERE body <> '{\"number\": 4}'")
    assert [await inbox.purge(limit=1) for _ in range(3)] == [1, 1, 0]
    assert [row["body"] for row in await shop.run_sql("SELECT body FROM inbox ORDER BY id")] == [
        {"number": 1},
        {"number": 4},
    ]


async def test_a_replay_that_nobody_can_handle_or_that_fails_again_rings_no_sweep(shop: Shop) -> None:
    inbox = shop.services.inbox
    await inbox.store_failed(source="tests", body={"number": 1}, error="a bug")
    [item] = await inbox.list_events()
    with pytest.raises(LookupError, match="tests"):
        await inbox.replay(OPERATOR, item.id, reason="try")

    async def handler(_body: Mapping[str, Any]) -> None:
        raise RuntimeError("the same bug")

    inbox.register("tests", handler)
    with pytest.raises(RuntimeError):
        await inbox.replay(OPERATOR, item.id, reason="try")
    [item] = await inbox.list_events()
    assert (item.state, item.error) == (InboxState.FAILED, "a bug")


async def test_an_event_that_nobody_handles_is_told_of(shop: Shop) -> None:
    event_id = await shop.services.inbox.receive(source="tests", body={"number": 1})
    with pytest.raises(LookupError):
        await shop.services.inbox.handle(event_id)
    assert await states(shop) == [("OWED", 1)]


@pytest.mark.parametrize(
    ("update", "person"),
    [
        ({"update_id": 1, "message": {"from": {"id": 9}, "chat": {"id": 5}}}, 5),
        ({"update_id": 1, "message": {"from": {"id": 9}, "chat": {"id": -100}}}, 9),
        ({"update_id": 1, "callback_query": {"id": "7", "from": {"id": 5}}}, 5),
        ({"update_id": 1, "subscription": {"user": {"id": 5}}}, 5),
        ({"update_id": 1, "my_chat_member": {"chat": {"id": 5}, "from": {"id": 5}}}, 5),
        ({"update_id": 1, "message": {"chat": {"id": "5"}, "from": 5, "user": {"id": 2**70}}}, None),
        ({"raw": "?"}, None),
        ([], None),
    ],
)
def test_whom_an_update_is_about(update: object, person: int | None) -> None:
    assert find_person(update) == person


def test_telegrams_money_updates_are_read() -> None:
    renewal = payment_update("p", subscription_expiration_date=int(NOON.timestamp()) + 60, is_recurring=True)
    change = {"update_id": 1, "subscription": {"user": {"id": 5}, "invoice_payload": "p", "state": "canceled"}}
    refund = {
        "update_id": 2,
        "message": {
            "date": 1,
            "chat": {"id": 42},
            "refunded_payment": {
                "currency": "XTR",
                "total_amount": 7,
                "invoice_payload": "p",
                "telegram_payment_charge_id": "c",
            },
        },
    }
    charge = read_update(renewal)
    assert charge is not None
    assert getattr(charge, "period_end", None) is not None
    assert read_update(change) == RenewalChange(5, "p", SubscriptionState.CANCELED)
    returned = read_update(refund)
    assert (getattr(returned, "telegram_id", None), getattr(returned, "amount_minor", None)) == (42, 7)
    assert all(is_about_money(update) for update in (renewal, change, refund))
    assert not is_about_money({"update_id": 3, "message": {"text": "hi"}})
    assert read_update({"update_id": 3, "message": {"text": "hi"}}) is None
