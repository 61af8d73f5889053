"""Tasks at a vendor: adopted, asked about, found, stopped, timed out; never made twice (promises 3, 4; trap 25)."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from app.domain.errors import GenerationNotCancellable
from app.domain.generations import attempts
from app.domain.generations.models import AttemptState, Status
from app.domain.generations.views import GenerationView, Stage
from app.domain.ports import (
    Artifact,
    CancelOutcome,
    DownloadFailed,
    ProviderBusy,
    ProviderFailed,
    ProviderOutcomeUnknown,
    ProviderRateLimited,
    ProviderTraits,
    ProviderUnreachable,
    Shape,
    TaskReport,
    TaskState,
)
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import Shop, actor
from tests.fakes import PICTURE, Gate, succeeded
from tests.waiting import until

RUNNING = TaskReport(TaskState.RUNNING, percent=30)
NEITHER = ProviderTraits(finds_by_reference=False, refuses_known_reference=False, stops_free=False)
FINDS = ProviderTraits(finds_by_reference=True, refuses_known_reference=False, stops_free=False)


async def age_intents(shop: Shop, seconds: float) -> None:
    await shop.run_sql(
        "UPDATE provider_attempts SET intended_at = intended_at - make_interval(secs => :seconds)", seconds=seconds
    )


async def in_the_air(shop: Shop, user: UserView, *, taken: bool) -> GenerationView:
    """The process dies while the vendor answers a create: an intent without a task."""
    view = await shop.submit(user)
    shop.vendor.gate = Gate()
    run = asyncio.create_task(shop.step(view))
    await shop.vendor.gate.reached.wait()
    run.cancel()
    await asyncio.wait([run])
    shop.vendor.gate = None
    if taken:
        shop.vendor.take(shop.vendor.creates[0].reference)
    assert await shop.states(view) == ["INTENT"]
    return view


async def test_a_task_is_asked_about_until_it_is_done(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.vendor.will_report(RUNNING, TaskReport(TaskState.RUNNING, percent=60), succeeded())
    stages = []
    for _ in range(3):
        await shop.step(view)
        now = await shop.look(view)
        stages.append((now.stage, now.percent))
    assert stages == [(Stage.GENERATING, 0), (Stage.GENERATING, 30), (Stage.GENERATING, 60)]
    done = await shop.work(view)
    assert (done.status, len(shop.vendor.creates), len(shop.vendor.asked)) == (Status.COMPLETED, 1, 3)
    assert await shop.scalar("SELECT cost_micros FROM provider_attempts") == 7


async def test_a_parked_task_has_no_owner_and_any_process_resumes_it(open_shop: OpenShop) -> None:
    shop = await open_shop()
    view = await shop.submit(await shop.newcomer())
    await shop.step(view)
    assert await shop.scalar("SELECT lease_owner FROM generations") is None
    other = await open_shop()
    other.vendor.tasks = shop.vendor.tasks
    assert (await other.work(view)).status is Status.COMPLETED
    assert (len(shop.vendor.creates), other.vendor.creates) == (1, [])


async def test_a_task_taken_in_a_crash_is_found_and_adopted(shop: Shop, ann: UserView) -> None:
    view = await in_the_air(shop, ann, taken=True)
    assert (await shop.work(view)).status is Status.COMPLETED
    assert (len(shop.vendor.creates), len(shop.vendor.tasks)) == (1, 1)
    assert await shop.states(view) == ["MADE"]


async def test_a_vendor_that_refuses_known_references_is_asked_again_with_the_same(shop: Shop, ann: UserView) -> None:
    view = await in_the_air(shop, ann, taken=False)
    assert (await shop.work(view)).status is Status.COMPLETED
    assert [create.reference for create in shop.vendor.creates] == [f"{view.id}/0/1"] * 2
    assert len(shop.vendor.tasks) == 1


@pytest.mark.parametrize("names_it", [True, False])
async def test_a_known_reference_is_the_same_task(shop: Shop, ann: UserView, names_it: bool) -> None:
    """It was taken, and the vendor's search shows it only later."""
    view = await in_the_air(shop, ann, taken=True)
    shop.vendor.names_known_task = names_it
    shop.vendor.hides_tasks = True
    await shop.step(view)
    assert len(shop.vendor.creates) == 2
    assert (await shop.look(view)).is_open
    shop.vendor.hides_tasks = False
    assert (await shop.work(view)).status is Status.COMPLETED
    assert len(shop.vendor.tasks) == 1


async def test_a_finder_without_refusal_waits_until_half_a_minute_after_the_intent(shop: Shop, ann: UserView) -> None:
    shop.vendor.traits = FINDS
    view = await in_the_air(shop, ann, taken=False)
    await shop.step(view)
    assert await shop.states(view) == ["INTENT"]
    await age_intents(shop, 25)
    await shop.step(view)
    assert (await shop.look(view)).is_open
    await age_intents(shop, 6)
    done = await shop.work(view)
    assert (done.status, done.error_code) == (Status.FAILED, "PROVIDER_OUTCOME_UNKNOWN")
    assert await shop.states(view) == ["UNKNOWN"]
    assert len(shop.vendor.creates) == 1
    assert await shop.alerts() == ["outcome-unknown:demo"]
    assert await shop.balances(ann.id) == (20, 0, 0)


async def test_a_finder_that_finds_late_adopts(shop: Shop, ann: UserView) -> None:
    shop.vendor.traits = FINDS
    view = await in_the_air(shop, ann, taken=False)
    await shop.step(view)
    shop.vendor.take(shop.vendor.creates[0].reference)
    assert (await shop.work(view)).status is Status.COMPLETED
    assert len(shop.vendor.creates) == 1


async def test_a_vendor_that_cannot_be_asked_is_unknown_at_once(shop: Shop, ann: UserView) -> None:
    shop.vendor.traits = NEITHER
    view = await in_the_air(shop, ann, taken=False)
    done = await shop.work(view)
    assert (done.error_code, len(shop.vendor.creates)) == ("PROVIDER_OUTCOME_UNKNOWN", 1)


@pytest.mark.parametrize("traits", [NEITHER, FINDS])
async def test_an_unknown_create_is_never_repeated_nor_taken_elsewhere(
    shop: Shop, ann: UserView, traits: ProviderTraits
) -> None:
    """Trap 25: it may be running, and paid."""
    await shop.add_spare_route()
    shop.vendor.traits = traits
    shop.vendor.will_answer(ProviderOutcomeUnknown("timeout"))
    view = await shop.submit(ann)
    await shop.step(view)
    await age_intents(shop, 31)
    done = await shop.work(view)
    assert (done.status, done.error_code) == (Status.FAILED, "PROVIDER_OUTCOME_UNKNOWN")
    assert (len(shop.vendor.creates), shop.spare.creates) == (1, [])


async def test_an_unknown_create_that_was_taken_is_adopted(shop: Shop, ann: UserView) -> None:
    shop.vendor.takes_unanswered = True
    shop.vendor.will_answer(ProviderOutcomeUnknown("timeout"))
    done = await shop.work(await shop.submit(ann))
    assert (done.status, len(shop.vendor.creates)) == (Status.COMPLETED, 1)


@pytest.mark.parametrize("state", [TaskState.FAILED, TaskState.GONE, TaskState.CANCELLED])
async def test_a_task_that_was_taken_and_failed_goes_to_another_route(
    shop: Shop, ann: UserView, state: TaskState
) -> None:
    await shop.add_spare_route()
    shop.vendor.will_report(TaskReport(state))
    done = await shop.work(await shop.submit(ann))
    assert done.status is Status.COMPLETED
    assert (len(shop.vendor.creates), len(shop.spare.creates)) == (1, 1)


async def test_without_another_route_a_failed_task_is_returned(shop: Shop, ann: UserView) -> None:
    shop.vendor.will_report(TaskReport(TaskState.FAILED, detail="oh"))
    done = await shop.work(await shop.submit(ann))
    assert (done.status, done.error_code, done.returned_credits) == (Status.FAILED, "PROVIDER_ERROR", 4)
    assert len(shop.vendor.creates) == 1


async def test_a_task_rejected_for_its_content_is_final(shop: Shop, ann: UserView) -> None:
    await shop.add_spare_route()
    shop.vendor.will_report(TaskReport(TaskState.REJECTED))
    done = await shop.work(await shop.submit(ann))
    assert (done.error_code, shop.spare.creates) == ("PROMPT_REJECTED", [])


async def test_success_without_a_picture_is_a_failure(shop: Shop, ann: UserView) -> None:
    await shop.add_spare_route()
    shop.vendor.will_report(TaskReport(TaskState.SUCCEEDED))
    done = await shop.work(await shop.submit(ann))
    assert (done.status, len(shop.spare.creates)) == (Status.COMPLETED, 1)


@pytest.mark.parametrize("error", [ProviderUnreachable("refused"), ProviderBusy("502"), ProviderFailed("oh")])
async def test_a_vendor_that_is_away_keeps_its_task(shop: Shop, ann: UserView, error: BaseException) -> None:
    view = await shop.submit(ann)
    shop.vendor.will_report(*(error for _ in range(5)))
    done = await shop.work(view)
    assert (done.status, len(shop.vendor.creates), len(shop.vendor.asked)) == (Status.COMPLETED, 1, 6)


async def test_a_task_is_never_failed_for_time_while_its_vendor_is_away(shop: Shop, ann: UserView) -> None:
    """Trap 36: the result may be waiting there."""
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.run_sql("UPDATE generations SET timeout_at = now() - interval '1 hour'")
    shop.vendor.will_report(*(ProviderUnreachable("refused") for _ in range(3)))
    for _ in range(3):
        await shop.step(view)
    assert (await shop.look(view)).is_open
    assert await shop.alerts() == ["vendor-unreachable:demo"]
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_a_vendor_away_for_a_day_is_given_up(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    shop.vendor.will_report(*(ProviderUnreachable("refused") for _ in range(9)))
    await shop.step(view)
    await shop.run_sql("UPDATE provider_attempts SET unreachable_since = now() - interval '23 hours'")
    await shop.step(view)
    assert (await shop.look(view)).is_open
    await shop.run_sql("UPDATE provider_attempts SET unreachable_since = now() - interval '25 hours'")
    done = await shop.work(view)
    assert (done.error_code, done.returned_credits) == ("PROVIDER_OUTCOME_UNKNOWN", 4)


async def test_a_vendor_that_answers_again_was_away_for_nothing(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.vendor.will_report(ProviderUnreachable("refused"), RUNNING)
    for _ in range(3):
        await shop.step(view)
    assert await shop.scalar("SELECT unreachable_since FROM provider_attempts") is None


async def test_asking_too_often_only_waits(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.vendor.will_report(ProviderRateLimited("429", retry_after_seconds=9))
    await shop.step(view)
    await shop.step(view)
    assert await shop.wait_seconds(view) == pytest.approx(9, abs=2)
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_polls_grow_to_the_vendors_longest(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.vendor.will_report(*(RUNNING for _ in range(8)))
    waits = []
    for _ in range(8):
        await shop.step(view)
        waits.append(round(await shop.wait_seconds(view), 1))
    assert waits[:5] == pytest.approx([1, 1, 1.5, 2.25, 3.4], abs=0.4)
    assert waits[-1] == pytest.approx(5, abs=0.4)


# ------------------------------------------------------------------------------------------------------- time


async def test_what_waits_too_long_for_a_start_is_returned(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    assert await shop.scalar("SELECT extract(epoch FROM start_by - accepted_at)::int FROM generations") == 1800
    await shop.run_sql("UPDATE generations SET start_by = now()")
    done = await shop.work(view)
    assert (done.error_code, done.returned_credits, shop.vendor.creates) == ("GENERATION_TIMEOUT", 4, [])


async def test_a_running_task_is_stopped_when_its_time_is_over(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    assert await shop.scalar("SELECT extract(epoch FROM timeout_at - started_at)::int FROM generations") == 600
    await shop.run_sql("UPDATE generations SET timeout_at = now()")
    shop.vendor.will_report(RUNNING)
    done = await shop.work(view)
    assert (done.error_code, shop.vendor.cancels) == ("GENERATION_TIMEOUT", ["demo-1"])
    assert await shop.states(view) == ["CANCELLED"]


async def test_a_result_lost_on_its_way_is_asked_for_again(shop: Shop, ann: UserView) -> None:
    """Some vendors put the picture into the report; the process died before it was stored."""
    view = await shop.submit(ann)
    await shop.step(view)
    inside = TaskReport(TaskState.SUCCEEDED, artifact=Artifact("image/jpeg", data=PICTURE))
    shop.vendor.will_report(inside, inside)

    def dies(key: str) -> None:
        shop.store.on_put = None
        raise ZeroDivisionError(key)

    shop.store.on_put = dies
    with pytest.raises(ZeroDivisionError):
        await shop.step(view)
    assert await shop.states(view) == ["MADE"]
    assert (await shop.work(view)).status is Status.COMPLETED
    assert len(shop.vendor.creates) == 1


async def test_a_result_that_is_there_wins_over_the_time(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.run_sql("UPDATE generations SET timeout_at = now() - interval '1 hour'")
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_a_result_that_came_while_being_stopped_wins(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.run_sql("UPDATE generations SET timeout_at = now()")
    shop.vendor.will_report(RUNNING, succeeded())
    shop.vendor.cancel_answers.append(CancelOutcome.TOO_LATE)
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_a_task_that_cannot_be_stopped_is_failed_on_the_vendors_word(shop: Shop, ann: UserView) -> None:
    shop.vendor.traits = NEITHER
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.run_sql("UPDATE generations SET timeout_at = now()")
    shop.vendor.will_report(RUNNING)
    done = await shop.work(view)
    assert (done.error_code, shop.vendor.cancels) == ("GENERATION_TIMEOUT", [])


async def test_our_own_outage_times_nothing_out(shop: Shop, ann: UserView) -> None:
    """Trap 36: a heartbeat that finds the newest one older than a lease gives the gap back."""
    waiting = await shop.submit(ann)
    working = await shop.submit(ann)
    await shop.step(working)
    await shop.services.runner.register(shop.owner, name="before")
    await shop.run_sql(
        "UPDATE processes SET beat_at = now() - interval '3 hours', alive_until = now() - interval '3 hours'"
    )
    await shop.run_sql(
        "UPDATE generations SET start_by = now() - interval '2 hours', timeout_at = timeout_at - interval '2 hours'"
    )
    beat = await shop.services.runner.register(uuid4(), name="after")
    assert beat.gap.total_seconds() == pytest.approx(10_800, abs=5)
    again = await shop.services.runner.register(uuid4(), name="another")
    assert again.gap.total_seconds() == 0
    for view in (waiting, working):
        assert (await shop.work(view)).status is Status.COMPLETED


async def test_a_frozen_predecessor_does_not_undo_what_a_successor_knows(shop: Shop, ann: UserView) -> None:
    """It wakes up with an answer of long ago: a task that is followed, or a result that is there, stays."""
    view = await shop.submit(ann)
    await shop.step(view)
    async with shop.db.read() as reader:
        (stale,) = await attempts.list_attempts(reader, view.id)
    async with shop.db.transaction() as tx:
        await attempts.finish(tx, replace(stale, state=AttemptState.INTENT), AttemptState.NOT_TAKEN, counts=False)
    assert await shop.states(view) == ["RUNNING"]
    shop.store.outages = 1
    await shop.step(view)
    assert await shop.states(view) == ["MADE"]
    async with shop.db.transaction() as tx:
        await attempts.finish(tx, stale, AttemptState.FAILED, detail="not done in time")
    assert await shop.states(view) == ["MADE"]
    assert (await shop.work(view)).status is Status.COMPLETED
    assert len(shop.vendor.creates) == 1


# ------------------------------------------------------------------------------------------------------- leases


async def call_in_the_air(shop: Shop, view: GenerationView) -> tuple[Gate, asyncio.Task[None]]:
    """A process that is registered, and waits for a vendor's answer."""
    await shop.services.runner.register(shop.owner, name="first")
    gate = shop.vendor.gate = Gate()
    run = asyncio.create_task(shop.step(view))
    await gate.reached.wait()
    return gate, run


async def forget_beats(shop: Shop, seconds: int) -> None:
    """As if no process had been able to reach the database for so long."""
    await shop.run_sql(
        "UPDATE processes SET beat_at = beat_at - make_interval(secs => :seconds),"
        " alive_until = alive_until - make_interval(secs => :seconds)",
        seconds=seconds,
    )


LEASE = {"lease_seconds": 9.0, "heartbeat_seconds": 3.0}


async def long_up(shop: Shop) -> None:
    """The server's own start must not be what keeps a lease."""
    age = "SELECT pg_postmaster_start_time() < now() - interval '10 seconds'"
    await until(lambda: shop.scalar(age))


@pytest.mark.parametrize("seconds", [7, 60])
async def test_after_an_outage_nobody_takes_over_what_is_still_in_the_air(open_shop: OpenShop, seconds: int) -> None:
    """Trap 34 without a restart of PostgreSQL. Seven seconds are less than a lease, yet one beat may be older."""
    shop = await open_shop(**LEASE)
    other = await open_shop(**LEASE)
    await long_up(shop)
    await other.services.runner.register(other.owner, name="other")
    view = await shop.submit(await shop.newcomer())
    gate, run = await call_in_the_air(shop, view)
    await forget_beats(shop, seconds)
    await shop.run_sql("UPDATE processes SET alive_until = now() - interval '1 second' WHERE name = 'first'")

    await other.step(view)
    assert (await other.services.runner.beat(other.owner)).alive
    await other.step(view)
    assert await shop.scalar("SELECT fence FROM generations") == 1
    assert (await shop.services.runner.beat(shop.owner)).alive
    gate.open()
    await run
    assert (await shop.work(view)).status is Status.COMPLETED
    assert other.vendor.creates == []


async def test_one_lease_time_after_an_outage_the_dead_are_dead(open_shop: OpenShop) -> None:
    shop = await open_shop(**LEASE)
    other = await open_shop(**LEASE)
    await long_up(shop)
    await other.services.runner.register(other.owner, name="other")
    view = await shop.submit(await shop.newcomer())
    gate, run = await call_in_the_air(shop, view)
    await forget_beats(shop, 60)
    await other.services.runner.beat(other.owner)
    await other.step(view)
    assert await shop.scalar("SELECT fence FROM generations") == 1
    await shop.run_sql(
        "UPDATE app_settings SET value = to_jsonb(now() - interval '13 s') WHERE key = 'outage_ended_at'"
    )
    assert not (await shop.services.runner.beat(shop.owner)).alive
    await other.services.runner.beat(other.owner)
    await other.step(view)
    assert await shop.scalar("SELECT fence FROM generations") == 2
    gate.open()
    await run


# ----------------------------------------------------------------------------------------------------- cancel


async def test_what_waits_is_cancelled_at_once_and_in_full(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann, count=3)
    cancelled = await shop.services.generations.cancel(actor(ann), view.id)
    assert (cancelled.status, cancelled.returned_credits, cancelled.stage) == (Status.CANCELLED, 12, Stage.DONE)
    assert await shop.balances(ann.id) == (20, 0, 0)
    await shop.step(view)
    assert shop.vendor.creates == []
    with pytest.raises(GenerationNotCancellable):
        await shop.services.generations.cancel(actor(ann), view.id)


async def test_a_task_that_stops_free_is_cancelled(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    asked = await shop.services.generations.cancel(actor(ann), view.id)
    assert (asked.status, asked.stage, asked.cancellable) == (Status.PROCESSING, Stage.CANCELLING, False)
    shop.vendor.will_report(RUNNING)
    done = await shop.work(view)
    assert (done.status, done.returned_credits, shop.vendor.cancels) == (Status.CANCELLED, 4, ["demo-1"])
    assert await shop.prove() == []


async def test_a_finished_result_wins_over_a_cancellation(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.services.generations.cancel(actor(ann), view.id)
    done = await shop.work(view)
    assert (done.status, done.charged_credits, shop.vendor.cancels) == (Status.COMPLETED, 4, [])


async def test_a_vendor_that_is_too_late_to_stop_delivers(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.services.generations.cancel(actor(ann), view.id)
    shop.vendor.will_report(RUNNING, succeeded())
    shop.vendor.cancel_answers.append(CancelOutcome.TOO_LATE)
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_a_vendor_that_contradicts_itself_is_not_asked_in_a_tight_loop(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.services.generations.cancel(actor(ann), view.id)
    shop.vendor.will_report(RUNNING)
    shop.vendor.cancel_answers.append(CancelOutcome.TOO_LATE)
    await shop.step(view)
    assert await shop.wait_seconds(view) > 1


async def test_a_vendor_that_cannot_be_told_to_stop_is_told_again(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.services.generations.cancel(actor(ann), view.id)
    shop.vendor.will_report(RUNNING, RUNNING)
    shop.vendor.cancel_answers.append(ProviderUnreachable("refused"))
    assert (await shop.work(view)).status is Status.CANCELLED
    assert len(shop.vendor.cancels) == 2


async def test_stopped_before_the_crash_is_cancelled_after_it(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.services.generations.cancel(actor(ann), view.id)
    shop.vendor.will_report(TaskReport(TaskState.CANCELLED))
    assert (await shop.work(view)).status is Status.CANCELLED


async def test_a_task_that_costs_anyway_is_not_cancelled(open_shop: OpenShop) -> None:
    shop = await open_shop()
    shop.vendor.traits = replace(shop.vendor.traits, stops_free=False)
    # Which providers stop is read when the product is put together.
    shop.services.generations._stoppable = []
    user = await shop.newcomer()
    view = await shop.submit(user)
    await shop.step(view)
    with pytest.raises(GenerationNotCancellable):
        await shop.services.generations.cancel(actor(user), view.id)
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_an_at_once_call_is_not_cancelled(shop: Shop, ann: UserView) -> None:
    shop.vendor.way = Shape.NOW
    shop.vendor.gate = Gate()
    view = await shop.submit(ann)
    run = asyncio.create_task(shop.step(view))
    await shop.vendor.gate.reached.wait()
    with pytest.raises(GenerationNotCancellable):
        await shop.services.generations.cancel(actor(ann), view.id)
    shop.vendor.gate.open()
    await run
    assert (await shop.look(view)).status is Status.COMPLETED


async def test_a_made_result_is_not_cancelled(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.downloads.errors.append(DownloadFailed("away"))
    await shop.step(view)
    await shop.step(view)
    assert await shop.states(view) == ["MADE"]
    with pytest.raises(GenerationNotCancellable):
        await shop.services.generations.cancel(actor(ann), view.id)
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_between_two_creates_a_cancellation_ends_it(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.vendor.will_answer(ProviderBusy("503"))
    await shop.step(view)
    await shop.services.generations.cancel(actor(ann), view.id)
    done = await shop.work(view)
    assert (done.status, len(shop.vendor.creates)) == (Status.CANCELLED, 1)
