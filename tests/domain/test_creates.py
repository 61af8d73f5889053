"""What a vendor's answer to a create leads to: attempts, waits, budgets and the final outcome (protocol, step 3)."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

import pytest

from app.core.db import Tx
from app.domain.errors import FailureReason
from app.domain.generations.models import Status
from app.domain.generations.views import Options
from app.domain.ports import (
    ProviderBusy,
    ProviderError,
    ProviderFailed,
    ProviderInvalid,
    ProviderModelGone,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnreachable,
    Shape,
    TaskReport,
    TaskState,
    VendorRequest,
)
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import Shop, actor, order
from tests.fakes import Gate
from tests.waiting import until

SHAPES = [Shape.NOW, Shape.TASK]


@dataclass(frozen=True)
class Refusal:
    """An answer, what is written of it, and whether the next create brings the picture."""

    error: ProviderError
    state: str
    counts: bool
    again: bool = True
    code: FailureReason | None = None


REFUSALS = [
    Refusal(ProviderRejected("no"), "REJECTED", counts=True, again=False, code=FailureReason.PROMPT_REJECTED),
    # What it cannot read once it cannot read twice, and there is no other route.
    Refusal(ProviderInvalid("what"), "INVALID", counts=True, again=False, code=FailureReason.PROVIDER_ERROR),
    Refusal(ProviderFailed("oh"), "FAILED", counts=True),
    Refusal(ProviderBusy("503"), "FAILED", counts=True),
    Refusal(ProviderRateLimited("429"), "NOT_TAKEN", counts=False),
    Refusal(ProviderUnreachable("refused"), "NOT_TAKEN", counts=False),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal.error).__name__)
async def test_a_refused_create(shop: Shop, ann: UserView, shape: Shape, refusal: Refusal) -> None:
    shop.vendor.way = shape
    shop.vendor.will_answer(refusal.error)
    done = await shop.work(await shop.submit(ann))
    attempts = await shop.attempts(done)
    assert attempts[0] == (0, "demo", refusal.state, refusal.counts)
    if refusal.again:
        assert (done.status, len(shop.vendor.creates)) == (Status.COMPLETED, 2)
        assert attempts[1][2:] == ("MADE", True)
    else:
        assert (done.status, done.error_code, len(shop.vendor.creates)) == (Status.FAILED, refusal.code, 1)
    assert await shop.prove() == []


@pytest.mark.parametrize("shape", SHAPES)
async def test_rejected_content_is_never_tried_again(shop: Shop, ann: UserView, shape: Shape) -> None:
    """Trap 24: not on this route, and on no other."""
    await shop.add_spare_route()
    shop.vendor.way = shop.spare.way = shape
    shop.vendor.will_answer(ProviderRejected("no"))
    done = await shop.work(await shop.submit(ann))
    assert (done.status, done.error_code, done.returned_credits) == (Status.FAILED, "PROMPT_REJECTED", 4)
    assert (len(shop.vendor.creates), shop.spare.creates) == (1, [])


@pytest.mark.parametrize("shape", SHAPES)
async def test_two_creates_a_route_and_then_the_next_route(shop: Shop, ann: UserView, shape: Shape) -> None:
    await shop.add_spare_route()
    shop.vendor.way = shop.spare.way = shape
    shop.vendor.will_answer(*(ProviderBusy("503") for _ in range(9)))
    done = await shop.work(await shop.submit(ann))
    assert done.status is Status.COMPLETED
    assert (len(shop.vendor.creates), len(shop.spare.creates)) == (2, 1)
    assert done.charged_credits == 4


async def test_four_creates_in_all(shop: Shop, ann: UserView) -> None:
    for _ in range(3):
        await shop.add_spare_route()
    for vendor in (shop.vendor, shop.spare):
        vendor.will_answer(*(ProviderBusy("503") for _ in range(9)))
    done = await shop.work(await shop.submit(ann))
    assert (done.status, done.error_code) == (Status.FAILED, "PROVIDER_ERROR")
    assert len(shop.vendor.creates) + len(shop.spare.creates) == 4
    assert await shop.balances(ann.id) == (20, 0, 0)


async def test_what_was_not_taken_uses_up_no_budget(shop: Shop, ann: UserView) -> None:
    shop.vendor.will_answer(*(ProviderRateLimited("429") for _ in range(6)), ProviderBusy("503"))
    done = await shop.work(await shop.submit(ann))
    assert done.status is Status.COMPLETED
    assert len(shop.vendor.creates) == 8


async def test_waits_grow_from_five_seconds_to_a_minute(open_shop: OpenShop) -> None:
    shop = await open_shop(ring_first_seconds=5, ring_longest_seconds=60, breaker_failures=99)
    view = await shop.submit(await shop.newcomer())
    shop.vendor.will_answer(*(ProviderUnreachable("refused") for _ in range(6)))
    waits = []
    for _ in range(6):
        await shop.step(view)
        waits.append(await shop.wait_seconds(view))
    assert waits == pytest.approx([5, 10, 20, 40, 60, 60], abs=2)


async def test_the_vendors_own_wait_is_kept_within_bounds(open_shop: OpenShop) -> None:
    shop = await open_shop(ring_first_seconds=5, ring_longest_seconds=60, breaker_failures=99)
    view = await shop.submit(await shop.newcomer())
    shop.vendor.will_answer(
        ProviderRateLimited("429", retry_after_seconds=17), ProviderRateLimited("429", retry_after_seconds=86_400)
    )
    await shop.step(view)
    assert await shop.wait_seconds(view) == pytest.approx(17, abs=2)
    await shop.step(view)
    assert await shop.wait_seconds(view) == pytest.approx(60, abs=2)


async def test_a_vendor_that_never_takes_it_ends_with_the_time(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.vendor.will_answer(*(ProviderRateLimited("429") for _ in range(3)))
    await shop.step(view)
    await shop.run_sql("UPDATE generations SET timeout_at = now()")
    done = await shop.work(view)
    assert (done.status, done.error_code, done.returned_credits) == (Status.FAILED, "GENERATION_TIMEOUT", 4)
    assert len(shop.vendor.creates) == 1


@pytest.mark.parametrize(
    ("error", "cause"),
    [(ProviderOutOfMoney("402"), "provider-out-of-money:demo"), (ProviderModelGone("404"), "model-gone:demo")],
)
async def test_a_route_that_is_no_use_is_taken_out_and_told(
    shop: Shop, ann: UserView, error: ProviderError, cause: str
) -> None:
    await shop.add_spare_route()
    shop.vendor.will_answer(error)
    done = await shop.work(await shop.submit(ann))
    assert done.status is Status.COMPLETED
    assert (len(shop.vendor.creates), len(shop.spare.creates)) == (1, 1)
    assert (await shop.attempts(done))[0] == (0, "demo", "NOT_TAKEN", False)
    assert await shop.alerts() == [cause]
    following = await shop.work(await shop.submit(ann))
    assert following.status is Status.COMPLETED
    assert (len(shop.vendor.creates), len(shop.spare.creates)) == (1, 2)


async def test_without_another_route_it_waits_for_the_paused_one(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.vendor.will_answer(ProviderOutOfMoney("402"))
    for _ in range(3):
        await shop.step(view)
    assert (await shop.look(view)).is_open
    await shop.run_sql("UPDATE provider_routes SET paused_until = now()")
    shop.services.catalog.forget()
    assert (await shop.work(view)).status is Status.COMPLETED
    assert len(shop.vendor.creates) == 2


async def test_an_unknown_at_once_call_is_made_again(shop: Shop, ann: UserView) -> None:
    shop.vendor.way = Shape.NOW
    shop.vendor.will_answer(ProviderOutcomeUnknown("reset"))
    done = await shop.work(await shop.submit(ann))
    assert done.status is Status.COMPLETED
    assert await shop.states(done) == ["UNKNOWN", "MADE"]
    assert (await shop.attempts(done))[0][3] is True


async def test_an_at_once_call_has_a_limit(open_shop: OpenShop) -> None:
    shop = await open_shop(vendor_call_seconds=0.05)
    shop.vendor.way = Shape.NOW
    shop.vendor.gate = Gate()
    view = await shop.submit(await shop.newcomer())
    await shop.step(view)
    assert await shop.states(view) == ["UNKNOWN"]
    shop.vendor.gate = None
    assert (await shop.work(view)).status is Status.COMPLETED


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 5])
async def test_an_at_once_call_lost_in_a_crash_is_made_again_three_times(shop: Shop, ann: UserView, calls: int) -> None:
    """Promise 3: the process dies in the middle of `calls` calls, one after another."""
    shop.vendor.way = Shape.NOW
    view = await shop.submit(ann)
    for number in range(min(calls, 4)):
        shop.vendor.gate = Gate()
        run = asyncio.create_task(shop.step(view))
        await shop.vendor.gate.reached.wait()
        run.cancel()
        await asyncio.wait([run])
        assert len(shop.vendor.creates) == number + 1
    shop.vendor.gate = None
    done = await shop.work(view)
    if calls <= 3:
        assert (done.status, len(shop.vendor.creates)) == (Status.COMPLETED, calls + 1)
        assert await shop.states(done) == ["UNKNOWN"] * calls + ["MADE"]
    else:
        assert (done.status, done.error_code) == (Status.FAILED, "PROVIDER_OUTCOME_UNKNOWN")
        assert len(shop.vendor.creates) == 4
        assert await shop.alerts() == ["outcome-unknown:demo"]
    assert await shop.prove() == []


async def test_one_failed_picture_of_four_costs_a_quarter(shop: Shop, ann: UserView) -> None:
    """Trap 10: three are delivered and paid, the fourth is returned."""
    shop.vendor.will_answer(*(ProviderFailed("oh") for _ in range(4)), index=2)
    done = await shop.work(await shop.submit(ann, count=4))
    assert (done.status, done.charged_credits, done.returned_credits) == (Status.COMPLETED, 12, 4)
    assert [output.index for output in done.outputs] == [0, 1, 3]
    await shop.deliver_all()
    ((_, album),) = [sent for sent in shop.telegram.sent if sent[1].template == "result"]
    assert len(album.media) == 3
    assert (album.params["charged"], album.params["returned"], album.params["held"]) == (12, 4, 16)
    assert await shop.balances(ann.id) == (8, 0, 0)
    assert await shop.prove() == []


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_rejected_picture_of_two_leaves_the_other_and_is_not_tried_again(
    shop: Shop, ann: UserView, shape: Shape
) -> None:
    shop.vendor.way = shape
    shop.vendor.will_answer(ProviderRejected("no"), index=0)
    shop.vendor.will_answer(ProviderBusy("503"), index=1)
    done = await shop.work(await shop.submit(ann, count=2))
    assert (done.status, done.charged_credits, done.error_code) == (Status.COMPLETED, 4, None)
    assert [state for index, _, state, _ in await shop.attempts(done) if index == 0] == ["REJECTED"]


async def test_an_unknown_picture_of_two_is_not_made_again(shop: Shop, ann: UserView) -> None:
    shop.vendor.traits = replace(shop.vendor.traits, finds_by_reference=False)
    shop.vendor.will_answer(ProviderOutcomeUnknown("timeout"), index=0)
    shop.vendor.will_report(*(TaskReport(TaskState.RUNNING) for _ in range(3)), index=1)
    done = await shop.work(await shop.submit(ann, count=2))
    assert (done.status, done.charged_credits) == (Status.COMPLETED, 4)
    assert sorted(create.reference[-3:] for create in shop.vendor.creates) == ["0/1", "1/1"]


async def test_pictures_of_one_order_differ_and_the_same_seed_gives_the_same(shop: Shop, ann: UserView) -> None:
    for _ in range(2):
        request = replace(order(), options=Options("1:1", 2, seed=2**32 - 1))
        await shop.work(await shop.services.generations.submit(actor(ann), request))
    assert sorted(create.seed for create in shop.vendor.creates) == [0, 0, 2**32 - 1, 2**32 - 1]


async def test_what_the_vendor_is_asked_for(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann, "a red kite", ratio="16:9", negative_prompt="rain")
    await shop.work(view)
    (create,) = shop.vendor.creates
    assert (create.prompt, create.negative_prompt, create.aspect_ratio) == ("a red kite", "rain", "16:9")
    assert (create.vendor_model, create.reference) == ("demo-standard", f"{view.id}/0/1")


async def test_an_intent_is_committed_before_each_call(shop: Shop, ann: UserView) -> None:
    """Trap 17: whatever a vendor is asked, a row owns it."""
    shop.vendor.gate = Gate()
    view = await shop.submit(ann)
    run = asyncio.create_task(shop.step(view))
    await shop.vendor.gate.reached.wait()
    assert await shop.states(view) == ["INTENT"]
    shop.vendor.gate.open()
    await run
    assert await shop.states(view) == ["RUNNING"]


async def test_no_connection_is_held_while_a_vendor_is_awaited(open_shop: OpenShop) -> None:
    """Trap 18: with a single connection, thirty users wait at the vendor and the shop stays open."""
    shop = await open_shop(db_pool_size=1, db_max_overflow=0)
    shop.vendor.gate = Gate()
    views = [await shop.submit(await shop.newcomer(700_000_100 + number)) for number in range(30)]
    runs = [asyncio.create_task(shop.step(view)) for view in views]
    await until(lambda: len(shop.vendor.creates) == len(views))
    assert shop.db.connections_in_use == 0
    assert (await shop.enter(700_000_999)).is_new
    shop.vendor.gate.open()
    await asyncio.gather(*runs)
    assert {(await shop.look(view)).stage.value for view in views} == {"generating"}


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), TimeoutError("slow")])
async def test_a_task_that_was_taken_is_noted_although_the_database_is_away_for_a_moment(
    shop: Shop, ann: UserView, error: OSError
) -> None:
    """Promise 4: without its id nobody could ever ask a vendor for it that cannot be searched."""
    shop.vendor.traits = replace(shop.vendor.traits, finds_by_reference=False, refuses_known_reference=False)
    submit, single, failures = shop.vendor.submit, shop.db.single, [error]

    async def taken(request: VendorRequest) -> str:
        task_id = await submit(request)
        vars(shop.db)["single"] = failing
        return task_id

    def failing() -> AbstractAsyncContextManager[Tx]:
        if failures:
            raise failures.pop()
        return single()

    vars(shop.vendor)["submit"] = taken
    done = await shop.work(await shop.submit(ann))
    assert failures == []
    assert (done.status, await shop.states(done)) == (Status.COMPLETED, ["MADE"])
    assert await shop.alerts() == []
