"""The border of work: rings become work, faults are noted, outages postpone, the sweep finds what was lost."""

from datetime import timedelta

from app.core.jobs import Job, Queue
from app.domain.generations.models import Origin, Status
from app.domain.generations.requests import NewDraft
from app.domain.users.views import UserView
from app.worker.jobs import Jobs
from app.worker.sweep import Sweep
from tests.domain.shop import Shop, actor
from tests.waiting import until


def jobs_of(shop: Shop) -> Jobs:
    return Jobs(shop, shop.owner)


async def run_rings(shop: Shop, jobs: Jobs) -> int:
    """Do what was rung, as arq would; returns how many."""
    rung, shop.bell.rings = shop.bell.jobs, []
    for job in rung:
        await jobs.run(job.name, job.subject)
    return len(rung)


async def test_rings_alone_bring_a_prompt_to_the_chat(shop: Shop, ann: UserView) -> None:
    jobs = jobs_of(shop)
    view = await shop.submit(ann, origin=Origin.BOT)
    for _ in range(9):
        await shop.run_sql("UPDATE generations SET next_poll_at = now() WHERE next_poll_at IS NOT NULL")
        if not await run_rings(shop, jobs):
            break
    assert (await shop.look(view)).status is Status.COMPLETED
    assert shop.telegram.templates == ["progress", "result"]
    assert len(shop.telegram.removed) == 1


async def test_every_job_that_is_rung_has_somebody_to_do_it(shop: Shop, ann: UserView) -> None:
    jobs = jobs_of(shop)
    view = await shop.submit(ann, origin=Origin.BOT)
    await shop.work(view)
    await shop.services.generations.delete(actor(ann), view.id)
    for job in shop.bell.jobs:
        assert job.name in jobs.names(job.queue)


async def test_a_fault_of_a_generation_is_noted(shop: Shop, ann: UserView) -> None:
    jobs = jobs_of(shop)
    view = await shop.submit(ann)
    await jobs.run("generate", str(view.id))
    shop.vendor.will_report(KeyError("a bug"))
    await shop.run_sql("UPDATE generations SET next_poll_at = now()")
    await jobs.run("generate", str(view.id))
    assert await shop.scalar("SELECT faults FROM generations") == 1
    assert await shop.alerts() == [f"generation-fault:{view.id}"]
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_the_sweep_purges_long_expired_drafts_now_and_then(shop: Shop, ann: UserView) -> None:
    await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))
    await shop.advance_clock(timedelta(days=9))
    sweep = Sweep(shop, jobs_of(shop))
    for _ in range(20):
        await sweep.sweep()
    assert await shop.scalar("SELECT count(*) FROM drafts") == 0


async def test_a_fault_of_a_delivery_is_noted(shop: Shop, ann: UserView) -> None:
    jobs = jobs_of(shop)
    await shop.work(await shop.submit(ann))
    result = await shop.scalar("SELECT id FROM deliveries")
    shop.telegram.errors.append(KeyError("a bug"))
    await jobs.run("deliver", str(result))
    (row,) = await shop.run_sql("SELECT state, attempts, error FROM deliveries")
    assert tuple(row.values()) == ("OWED", 1, "fault: KeyError")


async def test_an_outage_is_no_fault(shop: Shop, ann: UserView) -> None:
    jobs = jobs_of(shop)
    view = await shop.submit(ann)
    await jobs.run("generate", str(view.id))
    shop.vendor.will_report(ConnectionResetError())
    await shop.run_sql("UPDATE generations SET next_poll_at = now()")
    await jobs.run("generate", str(view.id))
    assert await shop.scalar("SELECT faults FROM generations") == 0
    assert await shop.alerts() == []


async def test_the_sweep_rings_for_what_was_lost(shop: Shop, ann: UserView) -> None:
    """Trap 17: Redis lost the ring of a submit and of a delivery."""
    done = await shop.work(await shop.submit(ann))
    lost = await shop.submit(ann)
    shop.bell.rings = []
    await shop.run_sql("UPDATE generations SET next_ring_at = now()")
    await shop.run_sql("UPDATE deliveries SET next_ring_at = now()")
    await Sweep(shop, jobs_of(shop)).sweep()
    result = await shop.scalar("SELECT id FROM deliveries WHERE generation_id = :id", id=done.id)
    assert {(job.name, job.subject) for job in shop.bell.jobs} == {
        ("generate", str(lost.id)),
        ("deliver", str(result)),
    }


async def test_the_sweep_leaves_alone_what_is_not_due(shop: Shop, ann: UserView) -> None:
    parked = await shop.submit(ann)
    await shop.step(parked)
    shop.bell.rings = []
    await Sweep(shop, jobs_of(shop)).sweep()
    assert shop.bell.jobs == []


async def test_each_ring_of_the_sweep_has_its_own_number_and_a_longer_wait(shop: Shop, ann: UserView) -> None:
    """arq refuses an id whose key of a crashed run still lives."""
    await shop.submit(ann)
    sweep = Sweep(shop, jobs_of(shop))
    shop.bell.rings = []
    for _ in range(3):
        await shop.run_sql("UPDATE generations SET next_ring_at = now()")
        await sweep.sweep()
    numbers = [job.ring_number for job in shop.bell.jobs]
    assert numbers == [2, 3, 4]


async def test_without_a_queue_the_sweep_does_the_work_itself(shop: Shop, ann: UserView) -> None:
    """Promise 4: Redis is gone, and work goes on."""
    jobs = jobs_of(shop)
    sweep = Sweep(shop, jobs)
    shop.bell.reachable = False
    view = await shop.submit(ann, origin=Origin.BOT)

    async def is_delivered() -> bool:
        # Rows that the work has locked at this moment are left alone: waiting for several of them is a deadlock.
        await shop.run_sql(
            "UPDATE generations SET next_ring_at = now(), next_poll_at = least(next_poll_at, now())"
            " WHERE id IN (SELECT id FROM generations FOR UPDATE SKIP LOCKED)"
        )
        await shop.run_sql(
            "UPDATE deliveries SET next_ring_at = now() WHERE id IN (SELECT id FROM deliveries FOR UPDATE SKIP LOCKED)"
        )
        await sweep.sweep()
        return "result" in shop.telegram.templates

    await until(is_delivered)
    await until(lambda: not any(pool.keys for pool in jobs.pools.values()))
    assert (await shop.look(view)).status is Status.COMPLETED


async def test_a_job_can_be_started_without_the_queue(shop: Shop, ann: UserView) -> None:
    jobs = jobs_of(shop)
    view = await shop.submit(ann)
    assert jobs.try_start(Job(Queue.GENERATION, "generate", str(view.id)))
    assert jobs.running_generations() == [view.id]
    await until(lambda: not jobs.running_generations())
    assert len(shop.vendor.creates) == 1
