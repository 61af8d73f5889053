"""Results are kept, whatever fails, and by one runner only (protocol, steps 4, 5; promise 6; traps 3, 19, 20, 35)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from app.core.ids import new_id
from app.core.media import PreparedImage
from app.core.media_processes import MediaUnavailable
from app.core.media_results import PreparedVideo
from app.domain.generations import claims
from app.domain.generations.claims import Lease, LeaseLost
from app.domain.generations.models import Funding, Origin, Status
from app.domain.generations.settle import Ending, settle_leased
from app.domain.generations.views import GenerationView, Stage
from app.domain.ports import Artifact, DownloadFailed, DownloadRefused, Shape, TaskReport, TaskState
from app.domain.users.views import UserView
from app.sandbox.servers import ServerProcess
from tests.domain.conftest import OpenShop
from tests.domain.shop import Shop, actor, shop_settings
from tests.fakes import PICTURE, Gate, picture, succeeded
from tests.waiting import until

KEPT = """
    SELECT array_agg(key) FROM generation_outputs, unnest(ARRAY[storage_key, preview_key, thumbnail_key]) AS key
    WHERE key IS NOT NULL
"""


@asynccontextmanager
async def frozen_at(shop: Shop, view: GenerationView, gate: Gate) -> AsyncIterator[asyncio.Task[None]]:
    """A run that is held at a gate while the block goes on; it ends after the block, by itself or cancelled."""
    run = asyncio.create_task(shop.step(view))
    await gate.reached.wait()
    yield run
    gate.open()
    await asyncio.wait([run])


async def expire(shop: Shop) -> None:
    """The process is frozen for longer than a lease: its heartbeat row is dead, while another's is fresh.

    A server that this session has just started counts as one that was away, until it is a lease old.
    """
    await shop.run_sql(
        "SELECT pg_sleep(greatest(0, 3.1 - extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())))"
    )
    await shop.run_sql("UPDATE processes SET alive_until = now() - interval '1 second', beat_at = now()")


# ------------------------------------------------------------------------------------------------------- storing


async def test_a_result_is_stored_with_its_copies_and_named_by_its_row(shop: Shop, ann: UserView) -> None:
    shop.downloads.data = picture(1600, 900)
    done = await shop.work(await shop.submit(ann, ratio="16:9"))
    (output,) = done.outputs
    assert (output.width, output.height, output.mime) == (1600, 900, "image/jpeg")
    assert output.storage_key == f"generations/{done.id}/2/0.jpg"
    assert set(shop.store.objects) == {output.storage_key, output.preview_key, output.thumbnail_key}


async def test_an_at_once_result_waits_for_the_store_in_memory(shop: Shop, ann: UserView) -> None:
    """The bytes exist only here: they are not thrown away and not made again."""
    shop.vendor.way = Shape.NOW
    shop.store.outages = 7
    view = await shop.submit(ann)
    await shop.step(view)
    assert (await shop.look(view)).status is Status.COMPLETED
    assert len(shop.vendor.creates) == 1


def break_media(shop: Shop, monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """So often no worker answers."""
    prepare, left = shop.preparer.prepare, [MediaUnavailable("killed")] * times

    async def prepare_or_fail(data: bytes, *, is_video: bool) -> PreparedImage | PreparedVideo:
        if left:
            raise left.pop()
        return await prepare(data, is_video=is_video)

    monkeypatch.setattr(shop.preparer, "prepare", prepare_or_fail)


@pytest.mark.parametrize(("times", "alerts"), [(2, []), (5, ["media-unavailable"])])
async def test_an_at_once_result_outlives_the_workers_that_prepare_it(
    shop: Shop, ann: UserView, monkeypatch: pytest.MonkeyPatch, times: int, alerts: list[str]
) -> None:
    shop.vendor.way = Shape.NOW
    break_media(shop, monkeypatch, times=times)
    view = await shop.submit(ann)
    await shop.step(view)
    assert (await shop.look(view)).status is Status.COMPLETED
    assert len(shop.vendor.creates) == 1
    assert await shop.alerts() == alerts


async def test_a_tasks_result_stays_parked_while_no_worker_can_prepare_it(
    shop: Shop, ann: UserView, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_media(shop, monkeypatch, times=6)
    view = await shop.submit(ann)
    await shop.step(view)
    began = await shop.scalar("SELECT now()")
    await shop.step(view)
    assert await shop.alerts() == []
    assert ((await shop.look(view)).stage, await shop.states(view)) == (Stage.FINISHING, ["MADE"])
    # Parked anew; on a loaded machine that may be over by now.
    assert await shop.scalar("SELECT next_poll_at FROM generations WHERE id = :id", id=view.id) > began
    await shop.run_sql("UPDATE generations SET timeout_at = now() - interval '2 days', start_by = now()")
    done = await shop.work(view)
    assert (done.status, len(shop.vendor.creates)) == (Status.COMPLETED, 1)
    assert await shop.alerts() == ["media-unavailable"]


async def test_tries_to_keep_a_watermarked_result_leave_one_clean_original(shop: Shop, ann: UserView) -> None:
    """No other would ever be found: what one runner has made alone is not looked through."""
    shop.vendor.way = Shape.NOW
    puts: list[str] = []

    def fail_late(key: str) -> None:
        puts.append(key)
        # The second copies fail, when the clean ones are there.
        shop.store.outages = int(len(puts) in {4, 10})

    shop.store.on_put = fail_late
    view = await shop.submit(ann, funding=Funding.FREE)
    await shop.step(view)
    assert (await shop.look(view)).status is Status.COMPLETED
    assert len(puts) > 12
    assert len(shop.store.objects) == 6


async def test_a_tasks_result_is_fetched_again_when_the_store_is_back(shop: Shop, ann: UserView) -> None:
    shop.store.outages = 5
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.step(view)
    now = await shop.look(view)
    assert (now.stage, now.percent) == (Stage.FINISHING, 99)
    assert await shop.states(view) == ["MADE"]
    done = await shop.work(view)
    assert (done.status, len(shop.vendor.creates), len(shop.vendor.asked)) == (Status.COMPLETED, 1, 1)


async def test_no_deadline_throws_a_made_result_away(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.store.outages = 2
    await shop.step(view)
    await shop.step(view)
    await shop.run_sql("UPDATE generations SET timeout_at = now() - interval '2 days', start_by = now()")
    await shop.run_sql("UPDATE provider_attempts SET unreachable_since = now() - interval '2 days'")
    assert (await shop.work(view)).status is Status.COMPLETED


@pytest.mark.parametrize("shape", [Shape.NOW, Shape.TASK])
async def test_what_is_no_picture_counts_as_a_failed_create(shop: Shop, ann: UserView, shape: Shape) -> None:
    await shop.add_spare_route()
    shop.vendor.way = shape
    shop.vendor.will_answer(Artifact("image/png", data=b"<svg onload=alert(1)>"))
    shop.downloads.data = b"<html>"
    view = await shop.submit(ann)
    await shop.step(view)
    if shape is Shape.TASK:
        await shop.step(view)
    assert await shop.states(view) == ["FAILED"]
    assert shop.store.objects == {}
    shop.downloads.data = PICTURE
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_a_link_that_we_do_not_follow_is_a_failed_create(shop: Shop, ann: UserView) -> None:
    await shop.add_spare_route()
    shop.downloads.errors.append(DownloadRefused("10.0.0.1"))
    done = await shop.work(await shop.submit(ann))
    assert (done.status, len(shop.vendor.creates), len(shop.spare.creates)) == (Status.COMPLETED, 1, 1)


async def test_an_expired_link_is_renewed_by_asking_the_task(shop: Shop, ann: UserView) -> None:
    shop.vendor.will_report(succeeded("https://vendor.test/old"), succeeded("https://vendor.test/new"))
    shop.downloads.errors.append(DownloadFailed("403"))
    done = await shop.work(await shop.submit(ann))
    assert done.status is Status.COMPLETED
    assert shop.downloads.fetched == ["https://vendor.test/old", "https://vendor.test/new"]
    assert len(shop.vendor.creates) == 1


async def test_a_result_that_is_gone_before_it_was_fetched_goes_elsewhere(shop: Shop, ann: UserView) -> None:
    await shop.add_spare_route()
    shop.vendor.will_report(succeeded(), TaskReport(TaskState.GONE))
    shop.downloads.errors.append(DownloadFailed("404"))
    done = await shop.work(await shop.submit(ann))
    assert (done.status, len(shop.spare.creates)) == (Status.COMPLETED, 1)


async def test_a_link_that_fails_for_a_day_is_given_up(shop: Shop, ann: UserView) -> None:
    """Otherwise the credits would be held, and the vendor asked, for ever."""
    view = await shop.submit(ann)
    shop.downloads.errors.extend(DownloadFailed("404") for _ in range(30))
    for _ in range(4):
        await shop.step(view)
    assert (await shop.look(view)).is_open
    await shop.run_sql("UPDATE provider_attempts SET unreachable_since = now() - interval '25 hours'")
    done = await shop.work(view)
    assert (done.status, done.error_code) == (Status.FAILED, "PROVIDER_ERROR")
    assert await shop.balances(ann.id) == (20, 0, 0)


# --------------------------------------------------------------------------------------------- fences and leases


async def test_the_loser_of_a_takeover_changes_nothing(open_shop: OpenShop) -> None:
    """Traps 19 and 35: it stores under its own fence, and neither names, settles nor delivers anything."""
    shop = await open_shop()
    other = await open_shop()
    user = await shop.newcomer()
    view = await shop.submit(user)
    await shop.services.runner.register(shop.owner, name="first")
    await shop.step(view)
    gate = shop.downloads.gate = Gate()
    async with frozen_at(shop, view, gate):
        await expire(shop)
        await other.services.runner.register(other.owner, name="second")
        other.vendor.tasks = shop.vendor.tasks
        other.store.objects = shop.store.objects
        assert (await other.work(view)).status is Status.COMPLETED
        kept = await shop.scalar(KEPT)
        deliveries = await shop.deliveries()
        entries = await shop.scalar("SELECT count(*) FROM ledger_entries")
    assert await shop.scalar(KEPT) == kept
    assert await shop.deliveries() == deliveries
    assert await shop.scalar("SELECT count(*) FROM ledger_entries") == entries
    assert len(shop.store.objects) == 2 * len(kept)
    assert await shop.prove() == []
    # What the loser stored is collected later.
    await shop.services.collector.collect(view.id)
    assert set(shop.store.objects) == set(kept)


async def lease_of(shop: Shop, view: GenerationView, owner: UUID) -> Lease:
    async with shop.db.transaction() as tx:
        lease = await claims.claim(
            tx, view.id, owner=owner, lease=shop.services.runner._lease, fallback_timeout_seconds=600
        )
    assert lease is not None
    return lease


async def test_a_fallen_fence_neither_settles_nor_parks(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    stale = await lease_of(shop, view, new_id())
    fresh = await lease_of(shop, view, new_id())
    assert fresh.fence == stale.fence + 1
    with pytest.raises(LeaseLost):
        async with shop.db.transaction() as tx:
            await settle_leased(tx, stale, Ending(Status.COMPLETED, stored=1, reason="late"))
    with pytest.raises(LeaseLost):
        async with shop.db.transaction() as tx:
            await claims.park(tx, stale, delay=timedelta(), stage=Stage.GENERATING, percent=1)
    assert await shop.balances(ann.id) == (16, 4, 1)


async def test_a_living_owner_keeps_its_generation(open_shop: OpenShop) -> None:
    shop = await open_shop()
    other = await open_shop()
    view = await shop.submit(await shop.newcomer())
    await shop.services.runner.register(shop.owner, name="first")
    gate = shop.vendor.gate = Gate()
    async with frozen_at(shop, view, gate):
        await other.services.runner.run(view.id, owner=other.owner)
        assert other.vendor.creates == []
        await expire(shop)
        await other.services.runner.run(view.id, owner=other.owner)
        assert len(other.vendor.asked) + len(other.vendor.creates) > 0


async def test_leases_are_taken_over_only_a_lease_time_after_the_database_came_back(open_shop: OpenShop) -> None:
    """Trap 34: right after its outage every lease looks dead."""
    shop = await open_shop(lease_seconds=86_400, heartbeat_seconds=4)
    other = await open_shop(lease_seconds=86_400, heartbeat_seconds=4)
    view = await shop.submit(await shop.newcomer())
    await shop.services.runner.register(shop.owner, name="first")
    gate = shop.vendor.gate = Gate()
    async with frozen_at(shop, view, gate):
        await expire(shop)
        await other.services.runner.run(view.id, owner=other.owner)
        assert other.vendor.creates == []
        # Meanwhile the first one may revive its row.
        assert (await shop.services.runner.beat(shop.owner)).alive


async def test_a_heartbeat_after_its_lease_is_told_so(shop: Shop) -> None:
    await shop.services.runner.register(shop.owner, name="first")
    assert (await shop.services.runner.beat(shop.owner)).alive
    await expire(shop)
    assert not (await shop.services.runner.beat(shop.owner)).alive


async def test_a_cancelled_run_leaves_a_row_that_goes_on(shop: Shop, ann: UserView) -> None:
    """Trap 20: CancelledError passes every `except Exception`."""
    view = await shop.submit(ann)
    gate = shop.vendor.gate = Gate()
    async with frozen_at(shop, view, gate) as run:
        run.cancel()
        await asyncio.wait([run])
    shop.vendor.gate = None
    assert run.cancelled()
    due = await shop.services.runner.ring_due(
        owner=shop.owner, running=[], first_seconds=1, longest_seconds=1, limit=10
    )
    assert [job.subject for job in due] == [str(view.id)]
    assert (await shop.work(view)).status is Status.COMPLETED
    assert len(shop.vendor.tasks) == 1


async def test_a_released_process_gives_its_work_back_at_once(open_shop: OpenShop) -> None:
    shop = await open_shop()
    other = await open_shop()
    view = await shop.submit(await shop.newcomer())
    await shop.services.runner.register(shop.owner, name="first")
    gate = shop.vendor.gate = Gate()
    async with frozen_at(shop, view, gate) as run:
        run.cancel()
        await asyncio.wait([run])
    await shop.services.runner.release(shop.owner)
    await shop.run_sql("UPDATE processes SET beat_at = now() - interval '1 hour'")
    other.vendor.tasks = shop.vendor.tasks
    assert (await other.work(view)).status is Status.COMPLETED


# --------------------------------------------------------------------------------------------------------- settling


async def test_a_settling_is_all_or_nothing(shop: Shop, ann: UserView) -> None:
    """Trap 3: status, money, event and deliveries are one transaction."""
    view = await shop.submit(ann)
    lease = await lease_of(shop, view, shop.owner)
    with pytest.raises(RuntimeError):  # noqa: PT012 - the transaction is what is tested
        async with shop.db.transaction() as tx:
            await settle_leased(tx, lease, Ending(Status.COMPLETED, stored=1, reason="stored"))
            raise RuntimeError
    assert (await shop.look(view)).status is Status.PROCESSING
    assert await shop.balances(ann.id) == (16, 4, 1)
    assert await shop.deliveries() == {}
    assert (await shop.work(view)).status is Status.COMPLETED
    assert await shop.prove() == []


async def test_every_change_of_status_is_an_event(shop: Shop, ann: UserView) -> None:
    view = await shop.work(await shop.submit(ann))
    events = await shop.run_sql(
        "SELECT old_status, new_status FROM generation_events WHERE generation_id = :id ORDER BY id", id=view.id
    )
    assert [tuple(event.values()) for event in events] == [
        (None, "PENDING"),
        ("PENDING", "PROCESSING"),
        ("PROCESSING", "COMPLETED"),
    ]


async def test_a_terminal_generation_never_changes(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann))
    for _ in range(3):
        await shop.step(done)
    assert await shop.look(done) == done
    assert await shop.scalar("SELECT count(*) FROM ledger_entries WHERE key LIKE 'settle:%'") == 1


async def test_our_own_fault_is_tried_five_times_and_then_returned(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    shop.vendor.will_report(*(KeyError("a bug") for _ in range(9)))
    await shop.step(view)
    for faults in range(1, 6):
        with pytest.raises(KeyError):
            await shop.step(view)
        await shop.services.runner.record_fault(view.id, owner=shop.owner, error=KeyError("a bug"))
        assert await shop.scalar("SELECT faults FROM generations") == faults
        assert await shop.scalar("SELECT lease_owner FROM generations") is None
    done = await shop.work(view)
    assert (done.status, done.error_code, done.returned_credits) == (Status.FAILED, "INTERNAL_ERROR", 4)
    assert await shop.alerts() == [f"generation-fault:{view.id}"]


async def test_a_fault_in_one_picture_does_not_cut_off_anothers_call(shop: Shop, ann: UserView) -> None:
    shop.vendor.way = Shape.NOW
    shop.vendor.will_answer(KeyError("a bug"), index=0)
    view = await shop.submit(ann, count=2)
    with pytest.raises(KeyError):
        await shop.step(view)
    assert await shop.scalar("SELECT array_agg(output_index) FROM generation_outputs") == [1]
    done = await shop.work(view)
    assert (len(done.outputs), len(shop.vendor.creates)) == (2, 3)


# ----------------------------------------------------------------------------------------------------- transactions


async def test_no_transaction_is_nested(shop: Shop, ann: UserView) -> None:
    with pytest.raises(AssertionError, match="nested"):
        async with shop.db.transaction(), shop.db.transaction():
            pass
    with pytest.raises(AssertionError, match="second connection"):
        async with shop.db.transaction(), shop.db.read():
            pass
    await shop.submit(ann)


async def test_no_outside_system_is_called_inside_a_transaction(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    with pytest.raises(AssertionError, match="inside a database transaction"):
        async with shop.db.transaction():
            await shop.store.get("any")
    with pytest.raises(AssertionError, match="inside a database transaction"):
        async with shop.db.transaction():
            await shop.vendor.check("any")
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_rings_wait_for_the_commit(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    rung = len(shop.bell.rings)
    with pytest.raises(RuntimeError):  # noqa: PT012 - the transaction is what is tested
        async with shop.db.transaction() as tx:
            tx.after_commit(claims.ring(view.id, 9))
            raise RuntimeError
    assert len(shop.bell.rings) == rung


async def test_an_unreachable_queue_fails_nothing(shop: Shop, ann: UserView) -> None:
    shop.bell.reachable = False
    assert (await shop.work(await shop.submit(ann))).status is Status.COMPLETED


# ---------------------------------------------------------------------------------------------------------- deleting


async def test_a_deleted_generation_loses_its_words_and_its_pictures(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, "a secret wish"))
    await shop.services.generations.delete(actor(ann), done.id)
    await shop.services.collector.collect(done.id)
    assert shop.store.objects == {}
    assert await shop.scalar("SELECT prompt FROM generations") == ""
    assert (await shop.services.generations.list_(actor(ann))).items == ()
    assert await shop.prove() == []


async def test_of_a_deleted_generation_nothing_more_is_sent(shop: Shop, ann: UserView) -> None:
    """But its progress message is still taken away, and what was sent keeps no word of it."""
    sent = await shop.work(await shop.submit(ann, "a secret wish", origin=Origin.BOT))
    await shop.deliver_all()
    waiting = await shop.work(await shop.submit(ann, "a secret wish", origin=Origin.BOT))
    messages = len(shop.telegram.sent)
    for view in (sent, waiting):
        await shop.services.generations.delete(actor(ann), view.id)
    await shop.deliver_all()
    assert len(shop.telegram.sent) == messages
    rows = await shop.run_sql("SELECT state, params FROM deliveries WHERE generation_id = :id", id=sent.id)
    assert {row["state"] for row in rows} <= {"SENT", "SKIPPED"}
    assert all(row["params"] == {} for row in rows)
    rows = await shop.run_sql("SELECT kind, state FROM deliveries WHERE generation_id = :id", id=waiting.id)
    states = {row["kind"]: row["state"] for row in rows}
    assert states["result"] == "SKIPPED"
    assert "OWED" not in states.values()


async def test_objects_of_open_work_are_left_alone(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    shop.store.objects[f"generations/{view.id}/2/0.jpg"] = PICTURE
    await shop.services.collector.collect(view.id)
    assert len(shop.store.objects) == 1


# ------------------------------------------------------------------------------------------------ the database is away


async def test_an_at_once_result_outlasts_the_databases_outage(own_postgres: ServerProcess) -> None:
    """Promise 4: the vendor has made it, and it exists in memory alone."""
    shop = Shop(shop_settings(own_postgres.server.url))
    try:
        await shop.seed()
        shop.vendor.way = Shape.NOW
        view = await shop.submit(await shop.newcomer())
        gone: list[str] = []

        def lose_the_database(key: str) -> None:
            if not gone:
                own_postgres.kill()
            gone.append(key)

        shop.store.on_put = lose_the_database
        run = asyncio.create_task(shop.step(view))
        await until(lambda: len(gone) > 2)
        await asyncio.to_thread(own_postgres.start)
        async with asyncio.timeout(30):
            await run
        assert (await shop.look(view)).status is Status.COMPLETED
        assert len(shop.vendor.creates) == 1
        assert await shop.prove() == []
    finally:
        await shop.close()
