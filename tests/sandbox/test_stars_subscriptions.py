"""Subscriptions in Stars: renewals by the clock in both forms, cancelling from both sides, the end."""

import pytest

from app.sandbox.stars.subscriptions import Renewal
from tests.sandbox.rig import BotServer, Json, Sandbox
from tests.sandbox.till import MONTH_SECONDS, Till, open_till


@pytest.fixture
async def till(sandbox: Sandbox, bot_server: BotServer) -> Till:
    return await open_till(sandbox, bot_server)


async def subscribe(sandbox: Sandbox, till: Till, stars: int = 350) -> tuple[int, str]:
    """A user with a subscription; answers the user and the charge."""
    user_id = await sandbox.user()
    paid = await till.pay(user_id, link=await till.link("sub-1", stars, monthly=True))
    assert paid["status"] == "paid"
    return user_id, paid["charge_id"]


async def change(sandbox: Sandbox, user_id: int, charge_id: str, *, canceled: bool) -> Json:
    answer = await sandbox.control.post(f"/users/{user_id}/subscriptions/{charge_id}", json={"canceled": canceled})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def edit(sandbox: Sandbox, user_id: int, charge_id: str, *, canceled: bool) -> None:
    answer = await sandbox.bot.edit_user_star_subscription(user_id, charge_id, is_canceled=canceled)
    assert answer is True


async def state(till: Till, user_id: int) -> str:
    return str((await till.wallet(user_id))["subscriptions"][0]["state"])


async def test_the_first_payment_says_until_when(sandbox: Sandbox, till: Till) -> None:
    user_id, charge_id = await subscribe(sandbox, till)
    (told,) = await till.wait_told("successful_payment")
    (entry,) = await till.transactions()
    assert told["is_recurring"] is told["is_first_recurring"] is True
    assert told["subscription_expiration_date"] == entry["date"] + MONTH_SECONDS
    assert entry["source"]["subscription_period"] == MONTH_SECONDS
    (listed,) = (await till.wallet(user_id))["subscriptions"]
    assert listed == {
        "charge_id": charge_id,
        "title": "Starter",
        "stars": 350,
        "period": MONTH_SECONDS,
        "paid_until": told["subscription_expiration_date"],
        "state": "active",
        "canceled_by_bot": False,
        "renewal": "new_charge",
    }


@pytest.mark.parametrize("renewal", list(Renewal))
async def test_each_elapsed_period_is_renewed_once(sandbox: Sandbox, till: Till, renewal: Renewal) -> None:
    user_id, charge_id = await subscribe(sandbox, till)
    body = {"charge_id": charge_id, "renewal": renewal.value}
    assert (await sandbox.control.post("/subscriptions", json=body)).json()["renewal"] == renewal.value
    assert await till.advance(MONTH_SECONDS - 60) == []
    renewals = await till.advance(2 * MONTH_SECONDS + 120)
    assert [(one["charge_id"], one["state"]) for one in renewals] == [(charge_id, "active")] * 3
    told = await till.wait_told("successful_payment", 4)
    first_end = told[0]["subscription_expiration_date"]
    assert [one["subscription_expiration_date"] for one in told] == [first_end + n * MONTH_SECONDS for n in range(4)]
    assert [one.get("is_first_recurring") for one in told] == [True, None, None, None]
    assert {(one["is_recurring"], one["invoice_payload"]) for one in told} == {(True, "sub-1")}
    ids = [one["telegram_payment_charge_id"] for one in told]
    assert len(set(ids)) == (1 if renewal is Renewal.SAME_CHARGE else 4)
    listed = await till.transactions()
    assert [one["id"] for one in listed] == ids
    assert [one["date"] + MONTH_SECONDS for one in listed] == [one["subscription_expiration_date"] for one in told]
    assert (await till.wallet(user_id))["stars"] == 10_000 - 4 * 350


async def test_the_clock_renews_those_who_are_due_in_their_order(sandbox: Sandbox, till: Till) -> None:
    ann, anns = await subscribe(sandbox, till)
    await till.advance(86_400)
    bob, bobs = await subscribe(sandbox, till)
    renewals = await till.advance(2 * MONTH_SECONDS)
    assert [one["user_id"] for one in renewals] == [ann, bob, ann, bob]
    assert {one["charge_id"] for one in renewals} == {anns, bobs}


async def test_a_renewal_that_is_not_told_is_only_in_the_list(sandbox: Sandbox, till: Till) -> None:
    _, charge_id = await subscribe(sandbox, till)
    body = {"charge_id": charge_id, "renewal": "new_charge", "report": False}
    await sandbox.control.post("/subscriptions", json=body)
    (renewal,) = await till.advance(MONTH_SECONDS)
    assert renewal["update_id"] is None
    assert len(await till.transactions()) == 2
    await sandbox.control.post(f"/charges/{renewal['renewal_charge_id']}/report")
    told = await till.wait_told("successful_payment", 2)
    assert told[1]["telegram_payment_charge_id"] == renewal["renewal_charge_id"]


async def test_too_few_stars_end_it_and_the_bot_hears_of_it(sandbox: Sandbox, till: Till) -> None:
    user_id, charge_id = await subscribe(sandbox, till)
    await sandbox.control.put(f"/users/{user_id}/wallet", json={"stars": 349})
    (renewal,) = await till.advance(MONTH_SECONDS)
    assert (renewal["state"], renewal["renewal_charge_id"]) == ("failed", None)
    (told,) = await till.wait_told("subscription")
    assert (told["user"]["id"], told["invoice_payload"], told["state"]) == (user_id, "sub-1", "failed")
    await sandbox.control.put(f"/users/{user_id}/wallet", json={"stars": 10_000})
    assert await till.advance(MONTH_SECONDS) == []
    ended = await sandbox.refusal(
        "editUserStarSubscription", user_id=user_id, telegram_payment_charge_id=charge_id, is_canceled=True
    )
    assert ended == (400, "Bad Request: SUBSCRIPTION_NOT_ACTIVE")
    resume = await sandbox.control.post(f"/users/{user_id}/subscriptions/{charge_id}", json={"canceled": False})
    assert resume.status_code == 400


@pytest.mark.parametrize("side", ["bot", "user"])
async def test_a_cancelled_one_expires_and_a_resumed_one_does_not(sandbox: Sandbox, till: Till, side: str) -> None:
    user_id, charge_id = await subscribe(sandbox, till)
    for canceled in (True, False, True):
        if side == "bot":
            await edit(sandbox, user_id, charge_id, canceled=canceled)
        else:
            changed = await change(sandbox, user_id, charge_id, canceled=canceled)
            assert changed["state"] == ("canceled" if canceled else "active")
    told = await till.wait_told("subscription", 3)
    assert [one["state"] for one in told] == ["canceled", "active", "canceled"]
    (end,) = await till.advance(MONTH_SECONDS)
    assert (end["state"], end["update_id"]) == ("expired", None)
    assert await state(till, user_id) == "expired"
    assert len(await till.transactions()) == 1
    other, others = await subscribe(sandbox, till)
    await edit(sandbox, other, others, canceled=True)
    await edit(sandbox, other, others, canceled=False)
    assert [one["state"] for one in await till.advance(MONTH_SECONDS)] == ["active"]


async def test_cancelling_twice_tells_the_bot_once(sandbox: Sandbox, till: Till) -> None:
    user_id, charge_id = await subscribe(sandbox, till)
    first = await change(sandbox, user_id, charge_id, canceled=True)
    second = await change(sandbox, user_id, charge_id, canceled=True)
    assert first["update_id"] is not None
    assert second == {"state": "canceled", "update_id": None}


async def test_neither_side_takes_back_what_the_other_cancelled(sandbox: Sandbox, till: Till) -> None:
    user_id, charge_id = await subscribe(sandbox, till)
    await edit(sandbox, user_id, charge_id, canceled=True)
    resume = await sandbox.control.post(f"/users/{user_id}/subscriptions/{charge_id}", json={"canceled": False})
    assert resume.status_code == 400
    assert "bot" in resume.json()["error"]
    await edit(sandbox, user_id, charge_id, canceled=False)
    await change(sandbox, user_id, charge_id, canceled=True)
    await edit(sandbox, user_id, charge_id, canceled=False)
    assert await state(till, user_id) == "canceled"


async def test_a_renewals_charge_names_the_subscription_too(sandbox: Sandbox, till: Till) -> None:
    user_id, _ = await subscribe(sandbox, till)
    (renewal,) = await till.advance(MONTH_SECONDS)
    await edit(sandbox, user_id, renewal["renewal_charge_id"], canceled=True)
    assert await state(till, user_id) == "canceled"


async def test_a_refund_reaches_the_newest_period_and_ends_nothing(sandbox: Sandbox, till: Till) -> None:
    user_id, charge_id = await subscribe(sandbox, till)
    await sandbox.control.post("/subscriptions", json={"charge_id": charge_id, "renewal": "same_charge"})
    await till.advance(MONTH_SECONDS)
    await sandbox.bot.refund_star_payment(user_id, charge_id)
    again = await sandbox.refusal("refundStarPayment", user_id=user_id, telegram_payment_charge_id=charge_id)
    assert again == (400, "Bad Request: CHARGE_ALREADY_REFUNDED")
    assert [one["refunded"] for one in (await till.wallet(user_id))["transactions"]] == [True, True, False]
    # The next period is paid under the same charge, and can go back as well.
    await till.advance(MONTH_SECONDS)
    await sandbox.bot.refund_star_payment(user_id, charge_id)
    assert (await till.wallet(user_id))["stars"] == 10_000 - 350
    assert await state(till, user_id) == "active"


async def test_somebody_elses_subscription_is_not_found(sandbox: Sandbox, till: Till) -> None:
    _, charge_id = await subscribe(sandbox, till)
    other = await sandbox.user("Bob")
    refused = await sandbox.refusal(
        "editUserStarSubscription", user_id=other, telegram_payment_charge_id=charge_id, is_canceled=True
    )
    assert refused == (400, "Bad Request: CHARGE_NOT_FOUND")
    answer = await sandbox.control.post(f"/users/{other}/subscriptions/{charge_id}", json={"canceled": True})
    assert (answer.status_code, answer.json()) == (400, {"error": "CHARGE_NOT_FOUND"})
    unknown = await sandbox.control.post("/subscriptions", json={"charge_id": "stxNone", "renewal": "new_charge"})
    assert unknown.status_code == 404
