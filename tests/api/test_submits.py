"""Promise 2: what simultaneous, hurried and repeated submits may get, and the balance exact each time."""

from collections import Counter

from app.domain.actors import Actor
from app.domain.generations.models import Status
from tests.api.conftest import Cabinet, OpenCabinet, order, refusal

PRICE = 4
LOT = 1_000


async def assert_balance(cabinet: Cabinet, *, available: int, held: int, active: int) -> None:
    me = await cabinet.me()
    assert (me["credits"], me["held"], me["active_generations"]) == (available, held, active)
    entries = await cabinet.ledger()
    assert sum(entry["delta_available"] for entry in entries) == available
    assert sum(entry["delta_held"] for entry in entries) == held


async def test_ten_at_once_with_credit_for_all_five_are_accepted(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=LOT)
    answers = Counter(refusal(answer) for answer in await cabinet.submit_many(10))
    assert answers == {(202, ""): 5, (429, "MAX_ACTIVE_GENERATIONS"): 5}
    await assert_balance(cabinet, available=LOT - 5 * PRICE, held=5 * PRICE, active=5)


async def test_ten_at_once_with_credit_for_three_three_are_accepted(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=3 * PRICE + 1)
    answers = await cabinet.submit_many(10)
    assert Counter(map(refusal, answers)) == {(202, ""): 3, (402, "INSUFFICIENT_CREDITS"): 7}
    short = next(answer for answer in answers if answer.status_code == 402)
    assert short.json()["params"]["required"] == PRICE
    await assert_balance(cabinet, available=1, held=3 * PRICE, active=3)


async def test_fifteen_in_a_minute_ten_are_accepted(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=LOT)
    answers = []
    for _ in range(15):
        answer = await cabinet.submit()
        answers.append(answer)
        if answer.status_code == 202:
            await cabinet.settle(answer.json()["id"])
    expected = [(202, "")] * 10 + [(429, "RATE_LIMIT_EXCEEDED")] * 5
    assert [refusal(answer) for answer in answers] == expected
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert int(answers[-1].headers["Retry-After"]) == answers[-1].json()["params"]["retry_after"]
    await assert_balance(cabinet, available=LOT - 10 * PRICE, held=0, active=0)


async def test_one_key_ten_times_at_once_is_one_generation(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=LOT)
    answers = await cabinet.submit_many(10, key="tap")
    assert Counter(map(refusal, answers)) == {(202, ""): 1, (409, "DUPLICATE_REQUEST"): 9}
    accepted = next(answer.json()["id"] for answer in answers if answer.status_code == 202)
    refused = [answer.json()["params"] for answer in answers if answer.status_code == 409]
    assert refused == [{"generation_id": accepted}] * 9
    await assert_balance(cabinet, available=LOT - PRICE, held=PRICE, active=1)


async def test_one_key_ten_times_at_once_is_a_repeat_even_when_credit_is_for_one(open_cabinet: OpenCabinet) -> None:
    """The first of them leaves no credits; that it was the same request comes first in the contract's order."""
    cabinet = await open_cabinet(7, balance=PRICE)
    answers = await cabinet.submit_many(10, key="tap")
    assert Counter(map(refusal, answers)) == {(202, ""): 1, (409, "DUPLICATE_REQUEST"): 9}
    await assert_balance(cabinet, available=0, held=PRICE, active=1)


async def test_a_key_stays_taken_after_completion_and_is_free_after_failure(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=LOT)
    first = (await cabinet.submit(key="k")).json()["id"]
    await cabinet.settle(first, Status.FAILED)
    second = await cabinet.submit(key="k")
    assert second.status_code == 202
    await cabinet.settle(second.json()["id"])
    third = await cabinet.submit(key="k")
    assert refusal(third) == (409, "DUPLICATE_REQUEST")
    assert third.json()["params"]["generation_id"] == second.json()["id"] != first
    await assert_balance(cabinet, available=LOT - PRICE, held=0, active=0)


async def test_a_key_with_another_body_is_refused(open_cabinet: OpenCabinet) -> None:
    """Trap 13."""
    cabinet = await open_cabinet(7, balance=LOT)
    assert (await cabinet.submit(key="k")).status_code == 202
    assert refusal(await cabinet.submit(key="k", prompt="another")) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert refusal(await cabinet.submit(key="k", options={"count": 2})) == (422, "IDEMPOTENCY_KEY_REUSED")
    await assert_balance(cabinet, available=LOT - PRICE, held=PRICE, active=1)


async def test_the_highest_price_is_no_part_of_the_body_that_a_key_belongs_to(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=LOT)
    assert (await cabinet.submit(key="k", max_price=PRICE)).status_code == 202
    assert refusal(await cabinet.submit(key="k", max_price=PRICE + 1)) == (409, "DUPLICATE_REQUEST")
    # What is left out and what is said to be the default are the same body.
    assert refusal(await cabinet.submit(key="k", funding="credits", options={})) == (409, "DUPLICATE_REQUEST")


async def test_the_same_key_of_two_people_is_two_keys(open_cabinet: OpenCabinet) -> None:
    one, other = await open_cabinet(7), await open_cabinet(8)
    assert (await one.submit(key="k")).status_code == 202
    assert (await other.submit(key="k")).status_code == 202


async def test_a_price_above_the_clients_limit_is_told_and_costs_nothing(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=LOT)
    answer = await cabinet.submit(options={"count": 2}, max_price=2 * PRICE - 1)
    assert refusal(answer) == (409, "PRICE_CHANGED")
    assert answer.json()["params"] == {"price": 2 * PRICE}
    await assert_balance(cabinet, available=LOT, held=0, active=0)


async def test_refuses_for_the_first_reason_in_the_order_of_the_contract(open_cabinet: OpenCabinet) -> None:
    """Spec §5, the sentence under the table."""
    cabinet = await open_cabinet(7, balance=0)
    container = cabinet.container
    operator = Actor.operator("tests")
    wrong_everywhere = order(model="no-such-model", prompt="", max_price=0)
    assert refusal(await cabinet.client.post("/api/v1/generations", json=[], headers={"Authorization": ""})) == (
        401,
        "UNAUTHENTICATED",
    )
    await container.services.users.ban(operator, 7, reason="a test")
    assert refusal(await cabinet.client.post("/api/v1/generations", content=b"{")) == (403, "USER_BANNED")
    await container.services.users.unban(operator, 7, reason="a test")
    assert refusal(await cabinet.post("/generations", wrong_everywhere)) == (422, "VALIDATION_ERROR")
    assert refusal(await cabinet.submit(model="no-such-model", max_price=0)) == (503, "MODEL_UNAVAILABLE")
    assert refusal(await cabinet.submit(max_price=0)) == (409, "PRICE_CHANGED")
    assert refusal(await cabinet.submit()) == (402, "INSUFFICIENT_CREDITS")
