"""The paced sender in a real event loop: turns, patience, pauses."""

import asyncio

import pytest

from app.adapters.telegram import sender as module
from app.adapters.telegram.sender import PacedSender
from app.domain.ports import Priority, SendLater


async def test_a_turn_comes_at_once_when_nobody_waits() -> None:
    subject = PacedSender(per_second=25, chat_per_second=1)
    async with asyncio.timeout(10):
        await subject.turn(1, Priority.REPLY)


async def test_turns_keep_their_pace() -> None:
    subject = PacedSender(per_second=20, chat_per_second=100)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(subject.turn(chat_id, Priority.RESULT) for chat_id in range(24)))
    # 4 at once, the other 20 at 20 a second.
    assert loop.time() - began >= 0.9


async def test_a_reply_that_would_wait_too_long_is_sent_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._PATIENCE_SECONDS, Priority.REPLY, 0.05)
    subject = PacedSender(per_second=100, chat_per_second=0.1)
    for _ in range(3):
        await subject.turn(1, Priority.REPLY)
    with pytest.raises(SendLater):
        await subject.turn(1, Priority.REPLY)
    await subject.turn(2, Priority.REPLY)


async def test_flood_control_in_one_chat_pauses_that_chat_and_turns_its_queue_away() -> None:
    subject = PacedSender(per_second=100, chat_per_second=0.1)
    for _ in range(3):
        await subject.turn(1, Priority.RESULT)
    waiting = asyncio.create_task(subject.turn(1, Priority.RESULT))
    await asyncio.sleep(0)
    subject.pause(1, 30)
    with pytest.raises(SendLater) as refused:
        await waiting
    assert 29 < refused.value.retry_after_seconds <= 30
    with pytest.raises(SendLater):
        await subject.turn(1, Priority.REPLY)
    await subject.turn(2, Priority.REPLY)


async def test_flood_control_in_several_chats_at_once_pauses_everything() -> None:
    subject = PacedSender(per_second=100, chat_per_second=1)
    for chat_id in (1, 1, 2):
        subject.pause(chat_id, 30)
    await subject.turn(9, Priority.REPLY)
    subject.pause(3, 30)
    with pytest.raises(SendLater):
        await subject.turn(9, Priority.REPLY)


async def test_a_cancelled_turn_leaves_the_queue() -> None:
    subject = PacedSender(per_second=10, chat_per_second=100)
    waiting = [asyncio.create_task(subject.turn(chat_id, Priority.RESULT)) for chat_id in range(8)]
    await asyncio.sleep(0)
    for task in waiting[3:7]:
        task.cancel()
    async with asyncio.timeout(10):
        await waiting[7]
    assert all(task.cancelled() for task in waiting[3:7])
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_nothing_runs_while_nobody_waits() -> None:
    subject = PacedSender(per_second=25, chat_per_second=1)
    await subject.turn(1, Priority.REPLY)
    assert subject._timer is None
    assert subject._waiting == {}
