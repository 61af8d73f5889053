"""Photo packs: five shots at a time, an album a chunk, what fails is skipped and returned, once and in one entry."""

import asyncio

import pytest

from app.domain.errors import GenerationNotCancellable
from app.domain.generations.models import Status
from app.domain.generations.views import Stage
from app.domain.ports import CancelOutcome, ProviderFailed, ProviderRejected, Shape, TaskReport, TaskState
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shoots import ALL, UNIT, albums, entries, owed, pack, sent, started, step_until
from tests.domain.shop import Shop, actor
from tests.domain.test_avatars import avatar
from tests.fakes import Gate
from tests.waiting import until

FAILED = TaskReport(TaskState.FAILED, detail="[fail]")
REJECTED = TaskReport(TaskState.REJECTED, detail="[reject]")
RUNNING = TaskReport(TaskState.RUNNING, percent=50)


@pytest.fixture
async def eve(shop: Shop) -> UserView:
    """A user who can pay for a pack of 23, and for one of 12 besides."""
    return await shop.newcomer(credits=(ALL + 12) * UNIT)


async def test_a_pack_costs_its_shots_and_counts_as_one(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve)
    assert (view.price_credits, view.options.count) == (ALL * UNIT, ALL)
    assert await shop.balances(eve.id) == (12 * UNIT, ALL * UNIT, 1)
    assert len(view.inputs) == 2
    read = await shop.look(view)
    assert (read.style_key, read.avatar_id, read.model_title("ru")) == ("business", view.avatar_id, "Деловые портреты")
    # It is called by its style, which is not said a second time.
    assert read.style_title("ru") is None


async def test_three_failing_shots_of_23_are_skipped_and_returned_in_one_entry(shop: Shop, eve: UserView) -> None:
    """The story of the issue: 20 delivered in albums, COMPLETED, three units returned, one receipt, one entry."""
    shop.vendor.will_report(REJECTED, index=2)
    shop.vendor.will_report(FAILED, index=7)
    shop.vendor.will_answer(ProviderRejected("no"), index=22)
    done = await shop.work(await pack(shop, eve))
    await shop.deliver_all()
    assert (done.status, len(done.outputs), done.charged_credits, done.returned_credits) == (
        Status.COMPLETED,
        20,
        20 * UNIT,
        3 * UNIT,
    )
    assert await entries(shop, done) == [
        ("HOLD", -ALL * UNIT, ALL * UNIT),
        ("CAPTURE", 3 * UNIT, -ALL * UNIT),
    ]
    assert albums(shop) == [4, 4, 5, 5, 2]
    receipts = sent(shop, "pack-receipt")
    assert [(receipt.params["count"], receipt.params["returned"]) for receipt in receipts] == [(20, 3 * UNIT)]
    assert shop.telegram.templates[-1] == "pack-receipt"
    assert [album.params["made"] for album in sent(shop, "pack-album")] == [4, 8, 13, 18, 20]
    assert await shop.balances(eve.id) == (15 * UNIT, 0, 0)
    assert await shop.prove() == []


async def test_five_shots_are_at_work_at_a_time(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve)
    for chunk in range(5):
        await shop.step(view)
        assert started(shop) == list(range(min(5 * chunk + 5, ALL)))
        await shop.step(view)
        assert len((await shop.look(view)).outputs) == min(5 * chunk + 5, ALL)
    assert (await shop.look(view)).status is Status.COMPLETED


async def test_the_next_chunk_waits_for_the_slowest_of_this_one(shop: Shop, eve: UserView) -> None:
    shop.vendor.will_report(RUNNING, RUNNING, index=3)
    view = await pack(shop, eve)
    for _ in range(3):
        await shop.step(view)
    assert (len((await shop.look(view)).outputs), started(shop)) == (4, [0, 1, 2, 3, 4])
    assert await owed(shop) == []
    await shop.step(view)
    assert len(await owed(shop)) == 1
    await shop.step(view)
    assert started(shop)[5:] == [5, 6, 7, 8, 9]


async def test_albums_arrive_as_they_come_and_in_order(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve)
    await step_until(shop, view, 5)
    await shop.deliver_all()
    assert albums(shop) == [5]
    assert (await shop.look(view)).is_open
    # Telegram is away for the next one: what comes after it waits for it.
    await step_until(shop, view, 15)
    second, third = await shop.run_sql(
        "SELECT id, after_id FROM deliveries WHERE kind = 'album' AND state = 'OWED' ORDER BY id"
    )
    assert third["after_id"] == second["id"]
    assert await shop.deliver(third["id"]) is None
    await shop.work(view)
    await shop.deliver_all()
    assert albums(shop) == [5, 5, 5, 5, 3]
    assert shop.telegram.templates[-1] == "pack-receipt"


async def test_a_single_leftover_goes_as_a_photo(shop: Shop, eve: UserView) -> None:
    for index in (0, 1, 2, 4):
        shop.vendor.will_report(REJECTED, index=index)
    await shop.work(await pack(shop, eve))
    await shop.deliver_all()
    assert albums(shop) == [1, 5, 5, 5, 3]


async def test_a_chunk_without_a_shot_owes_no_album(shop: Shop, eve: UserView) -> None:
    for index in range(5, 10):
        shop.vendor.will_report(FAILED, index=index)
    done = await shop.work(await pack(shop, eve))
    await shop.deliver_all()
    assert albums(shop) == [5, 5, 5, 3]
    assert done.returned_credits == 5 * UNIT


async def test_a_shot_is_tried_again_before_it_is_skipped(shop: Shop, eve: UserView) -> None:
    shop.vendor.will_answer(ProviderFailed("once"), index=1)
    shop.vendor.will_answer(ProviderFailed("once"), ProviderFailed("twice"), index=3)
    done = await shop.work(await pack(shop, eve, style="seasons"))
    assert (len(done.outputs), done.returned_credits) == (7, UNIT)
    assert [started(shop).count(index) for index in (1, 3)] == [2, 2]


async def test_all_failed_is_failed_and_everything_is_back(shop: Shop, eve: UserView) -> None:
    for index in range(8):
        shop.vendor.will_report(REJECTED, index=index)
    done = await shop.work(await pack(shop, eve, style="seasons"))
    await shop.deliver_all()
    assert (done.status, done.error_code, done.returned_credits) == (Status.FAILED, "PROMPT_REJECTED", 8 * UNIT)
    assert await entries(shop, done) == [("HOLD", -8 * UNIT, 8 * UNIT), ("RELEASE", 8 * UNIT, -8 * UNIT)]
    assert shop.telegram.templates == ["failed"]
    assert await shop.prove() == []


@pytest.mark.parametrize("way", list(Shape))
async def test_each_shot_asks_with_its_own_words_for_an_edit_of_the_avatars_photos(
    shop: Shop, eve: UserView, way: Shape
) -> None:
    shop.vendor.way = way
    await shop.work(await pack(shop, eve, "with a red hat", style="seasons"))
    prompts = [
        row["prompt"]
        for row in await shop.run_sql("SELECT prompt FROM style_shots WHERE style_key = 'seasons' ORDER BY position")
    ]
    asked = sorted(shop.vendor.creates, key=lambda create: int(create.reference.split("/")[1]))
    assert [create.prompt for create in asked] == [f"{prompt}\nwith a red hat" for prompt in prompts]
    assert {create.kind for create in asked} == {"edit"}
    assert {len(create.inputs) for create in asked} == {2}
    assert len({create.seed for create in asked}) == 8


async def test_an_avatar_lends_as_many_photos_as_the_model_takes(shop: Shop, eve: UserView) -> None:
    made = await avatar(shop, eve, count=7)
    view = await pack(shop, eve, style="seasons", avatar_id=made.id)
    assert view.inputs == tuple(photo.id for photo in made.photos[:4])


async def test_the_words_of_an_accepted_pack_are_not_changed_by_the_operator(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve, style="seasons")
    await shop.run_sql("UPDATE style_shots SET prompt = 'a cat'")
    await shop.run_sql("UPDATE pack_styles SET enabled = false")
    await shop.run_sql("DELETE FROM style_shots WHERE position > 3")
    done = await shop.work(view)
    assert len(done.outputs) == 8
    assert not any("a cat" in create.prompt for create in shop.vendor.creates)


async def test_a_deleted_avatar_does_not_stop_the_pack_that_is_made_of_it(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve, style="seasons")
    assert view.avatar_id is not None
    await shop.services.avatars.delete(actor(eve), view.avatar_id)
    assert len((await shop.work(view)).outputs) == 8


async def test_who_has_lost_the_lease_neither_skips_a_shot_nor_owes_an_album(shop: Shop, eve: UserView) -> None:
    """Trap 19: somebody else has the pack by the time its chunk is done here."""
    shop.vendor.way = Shape.NOW
    shop.vendor.gate = gate = Gate()
    for index in range(5):
        shop.vendor.will_answer(ProviderRejected("no"), index=index)
    view = await pack(shop, eve)
    running = asyncio.create_task(shop.step(view))
    await gate.reached.wait()
    await shop.run_sql("UPDATE generations SET fence = fence + 1, lease_owner = NULL WHERE id = :id", id=view.id)
    gate.open()
    await running
    assert await shop.scalar("SELECT count(lost_reason) FROM pack_shots") == 0
    assert await owed(shop) == []
    done = await shop.work(view)
    assert (len(done.outputs), done.returned_credits) == (18, 5 * UNIT)


async def test_two_processes_at_once_are_one(open_shop: OpenShop) -> None:
    shops = [await open_shop(), await open_shop()]
    # One object store and one vendor for both.
    shops[1].store.objects, shops[1].vendor.tasks = shops[0].store.objects, shops[0].vendor.tasks
    for number, one in enumerate(shops):
        await one.services.runner.register(one.owner, name=f"process {number}")
    eve = await shops[0].newcomer(credits=ALL * UNIT)
    view = await pack(shops[0], eve)
    for _ in range(60):
        await shops[0].run_sql("UPDATE generations SET next_poll_at = now() WHERE next_poll_at IS NOT NULL")
        await asyncio.gather(*(one.services.runner.run(view.id, owner=one.owner) for one in shops))
        if not (await shops[0].look(view)).is_open:
            break
    await shops[0].deliver_all()
    assert sorted(started(shops[0]) + started(shops[1])) == list(range(ALL))
    assert albums(shops[0]) == [5, 5, 5, 5, 3]
    assert len(await entries(shops[0], view)) == 2


# ------------------------------------------------------------------------------------------------- cancellation


async def test_cancelled_before_it_began_everything_is_back(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve)
    ended = await shop.services.generations.cancel(actor(eve), view.id)
    assert (ended.status, ended.returned_credits) == (Status.CANCELLED, ALL * UNIT)


async def test_cancelled_in_the_middle_what_is_stored_is_delivered_and_charged(shop: Shop, eve: UserView) -> None:
    """No further shot is started; what the vendor is at is stopped; one entry returns the rest."""
    view = await pack(shop, eve)
    for index in (6, 7, 8, 9):
        shop.vendor.will_report(RUNNING, RUNNING, RUNNING, index=index)
    await step_until(shop, view, 6)
    await shop.deliver_all()
    asked = await shop.services.generations.cancel(actor(eve), view.id)
    assert (asked.stage, asked.is_open, asked.cancellable) == (Stage.CANCELLING, True, False)
    done = await shop.work(view)
    await shop.deliver_all()
    assert (done.status, len(done.outputs), done.charged_credits) == (Status.COMPLETED, 6, 6 * UNIT)
    assert started(shop) == list(range(10))
    assert len(shop.vendor.cancels) == 4
    assert albums(shop) == [5, 1]
    assert await entries(shop, done) == [("HOLD", -ALL * UNIT, ALL * UNIT), ("CAPTURE", 17 * UNIT, -ALL * UNIT)]
    assert await shop.prove() == []


async def test_cancelled_before_a_shot_was_stored_everything_is_back(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve)
    for index in range(5):
        shop.vendor.will_report(RUNNING, RUNNING, index=index)
    await shop.step(view)
    await shop.services.generations.cancel(actor(eve), view.id)
    ended = await shop.work(view)
    assert (ended.status, ended.returned_credits) == (Status.CANCELLED, ALL * UNIT)
    assert len(shop.vendor.creates) == 5


async def test_a_shot_that_cannot_be_stopped_any_more_is_kept(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve)
    shop.vendor.will_report(RUNNING, index=4)
    shop.vendor.cancel_answers.append(CancelOutcome.TOO_LATE)
    for index in range(4):
        shop.vendor.will_report(FAILED, index=index)
    for _ in range(2):
        await shop.step(view)
    await shop.services.generations.cancel(actor(eve), view.id)
    shop.vendor.will_report(RUNNING, index=4)
    done = await shop.work(view)
    assert (done.status, len(done.outputs), done.charged_credits) == (Status.COMPLETED, 1, UNIT)


async def test_at_once_calls_are_awaited_and_nothing_follows_them(shop: Shop, eve: UserView) -> None:
    shop.vendor.way = Shape.NOW
    shop.vendor.gate = gate = Gate()
    view = await pack(shop, eve)
    running = asyncio.create_task(shop.step(view))
    await until(lambda: len(shop.vendor.creates) == 5)
    await shop.services.generations.cancel(actor(eve), view.id)
    gate.open()
    await running
    done = await shop.work(view)
    await shop.deliver_all()
    assert (done.status, done.charged_credits, started(shop)) == (Status.COMPLETED, 5 * UNIT, [0, 1, 2, 3, 4])
    assert albums(shop) == [5]


@pytest.mark.parametrize("stops_free", [True, False])
async def test_the_last_shots_are_cancelled_only_where_the_vendor_stops_them(
    shop: Shop, eve: UserView, *, stops_free: bool
) -> None:
    shop.vendor.way = Shape.TASK if stops_free else Shape.NOW
    view = await pack(shop, eve, style="seasons")
    await step_until(shop, view, 5)
    if stops_free:
        for index in range(5, 8):
            shop.vendor.will_report(RUNNING, RUNNING, index=index)
        await shop.step(view)
        await shop.step(view)
        await shop.services.generations.cancel(actor(eve), view.id)
    else:
        shop.vendor.gate = gate = Gate()
        running = asyncio.create_task(shop.step(view))
        await until(lambda: len(shop.vendor.creates) == 8)
        with pytest.raises(GenerationNotCancellable):
            await shop.services.generations.cancel(actor(eve), view.id)
        gate.open()
        await running
    done = await shop.work(view)
    assert done.charged_credits == (5 if stops_free else 8) * UNIT


async def test_a_pack_whose_time_is_over_ends_with_what_there_is(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve)
    await step_until(shop, view, 10)
    await shop.run_sql("UPDATE generations SET timeout_at = now() - interval '1 second'")
    done = await shop.work(view)
    await shop.deliver_all()
    assert (done.status, done.charged_credits) == (Status.COMPLETED, 10 * UNIT)
    assert albums(shop) == [5, 5]
    assert len(shop.vendor.creates) == 10


async def test_a_pack_has_an_hour(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve)
    await shop.step(view)
    seconds = await shop.scalar(
        "SELECT extract(epoch FROM timeout_at - started_at) FROM generations WHERE id = :id", id=view.id
    )
    assert seconds == 3600
