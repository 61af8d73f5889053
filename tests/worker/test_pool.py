"""The pool of shielded work: bounded, one task a key, cancelled by nobody but the drain."""

import asyncio

from app.worker.pool import WorkPool
from tests.fakes import Gate
from tests.waiting import until


class Work:
    """Counts who works at a time, and waits at a gate."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.at_once = self.most = self.done = self.cancelled = 0

    async def __call__(self) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.gate.pass_()
            self.done += 1
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1


async def test_no_more_than_its_size_work_at_a_time() -> None:
    pool, work = WorkPool("test", 3), Work()
    runs = [asyncio.create_task(pool.run(str(number), work)) for number in range(10)]
    await until(lambda: work.at_once == 3)
    work.gate.open()
    await asyncio.gather(*runs)
    assert (work.most, work.done, pool.keys) == (3, 10, frozenset())


async def test_a_key_is_worked_on_once_at_a_time() -> None:
    pool, work = WorkPool("test", 3), Work()
    first = asyncio.create_task(pool.run("one", work))
    await until(lambda: work.at_once == 1)
    await pool.run("one", work)
    assert not pool.try_start("one", work)
    work.gate.open()
    await first
    assert work.done == 1
    await pool.run("one", work)
    assert work.done == 2


async def test_cancelling_the_caller_leaves_the_work_alone() -> None:
    """arq cancels jobs that take long; what a vendor is making must not be cut off."""
    pool, work = WorkPool("test", 1), Work()
    run = asyncio.create_task(pool.run("one", work))
    await work.gate.reached.wait()
    run.cancel()
    await asyncio.wait([run])
    assert (run.cancelled(), pool.keys) == (True, frozenset({"one"}))
    work.gate.open()
    await until(lambda: work.done == 1)
    assert work.cancelled == 0


async def test_a_full_pool_starts_nothing() -> None:
    pool, work = WorkPool("test", 1), Work()
    assert pool.try_start("one", work)
    await work.gate.reached.wait()
    assert not pool.try_start("two", work)
    work.gate.open()
    await until(lambda: not pool.keys)
    assert pool.try_start("two", work)
    await until(lambda: work.done == 2)


async def test_a_failure_frees_its_place() -> None:
    pool, work = WorkPool("test", 1), Work()

    async def fail() -> None:
        raise KeyError("a bug")

    results = await asyncio.gather(pool.run("one", fail), return_exceptions=True)
    assert isinstance(results[0], KeyError)
    work.gate.open()
    await pool.run("one", work)
    assert work.done == 1


async def test_a_drain_waits_for_what_runs_and_takes_nothing_new() -> None:
    pool, work = WorkPool("test", 2), Work()
    pool.try_start("one", work)
    await work.gate.reached.wait()
    drain = asyncio.create_task(pool.drain(20))
    await asyncio.sleep(0)
    await pool.run("two", work)
    assert not pool.try_start("three", work)
    work.gate.open()
    await drain
    assert (work.done, work.cancelled) == (1, 0)


async def test_a_drain_ends_at_its_limit() -> None:
    pool, work = WorkPool("test", 2), Work()
    pool.try_start("one", work)
    await work.gate.reached.wait()
    await pool.drain(0.01)
    assert (work.done, work.cancelled, pool.keys) == (0, 1, frozenset())


async def test_an_abandoned_pool_works_on_with_all_its_places() -> None:
    """The leases are lost: everything is cut off, waiting or working, and the pool keeps its size."""
    pool, work = WorkPool("test", 2), Work()
    runs = [asyncio.create_task(pool.run(str(number), work)) for number in range(5)]
    await until(lambda: work.at_once == 2)
    await pool.abandon()
    await until(lambda: not pool.keys)
    for run in runs:
        run.cancel()
    await asyncio.wait(runs)
    assert work.at_once == 0
    again = Work()
    runs = [asyncio.create_task(pool.run(str(number), again)) for number in range(5)]
    await until(lambda: again.at_once == 2)
    again.gate.open()
    await asyncio.gather(*runs)
    assert (again.most, again.done) == (2, 5)
