"""The outbox: retried, revived, in order, never lost, never a flood (protocol, step 6; promise 6; traps 23, 26, 27)."""

import asyncio
from uuid import UUID, uuid4

import pytest

from app.core.jobs import Queue
from app.domain.generations.models import Origin, Status
from app.domain.generations.views import GenerationView
from app.domain.ports import (
    MessengerError,
    ProviderRejected,
    RecipientUnreachable,
    SendFailed,
    SendLater,
    SendRefused,
    TaskReport,
    TaskState,
)
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import Shop, actor
from tests.fakes import Gate

RESULT = """
    SELECT id, state, attempts, extract(epoch FROM next_attempt_at - now()) AS wait FROM deliveries
    WHERE kind = 'result'
"""


async def finished(shop: Shop, user: UserView, *, count: int = 1, origin: Origin = Origin.BOT) -> GenerationView:
    """A picture that is made and owed; in the bot its progress message stands."""
    view = await shop.submit(user, count=count, origin=origin)
    await shop.deliver_all()
    return await shop.work(view)


async def result_id(shop: Shop) -> int:
    return int((await shop.run_sql(RESULT))[0]["id"])


async def make_due(shop: Shop) -> None:
    await shop.run_sql("UPDATE deliveries SET next_attempt_at = now() WHERE state = 'OWED'")


async def test_a_result_arrives_once_with_its_words(shop: Shop, ann: UserView) -> None:
    view = await finished(shop, ann)
    await shop.deliver_all()
    await shop.deliver_all()
    assert shop.telegram.templates == ["progress", "result"]
    _, result = shop.telegram.sent[1]
    assert (result.chat_id, result.language) == (700_000_001, "en")
    assert result.params["charged"] == 4
    assert result.params["balance"] == 16
    assert result.media[0].storage_key == view.outputs[0].storage_key
    assert await shop.scalar("SELECT photo_file_id FROM generation_outputs") == "file-101-0"


async def test_the_result_then_the_receipt_then_the_removal(shop: Shop, ann: UserView) -> None:
    """Trap 23: nothing goes before what it follows has arrived, in whatever order it is tried."""
    await finished(shop, ann, count=2)
    for _ in range(3):
        rows = await shop.run_sql("SELECT id FROM deliveries WHERE state = 'OWED' ORDER BY id DESC")
        for row in rows:
            await shop.deliver(row["id"])
    assert shop.telegram.templates == ["progress", "result", "receipt"]
    assert shop.telegram.removed == [(700_000_001, 100)]
    assert await shop.deliveries() == {"progress": "SENT", "result": "SENT", "receipt": "SENT", "removal": "SENT"}


async def test_the_progress_message_stays_until_the_result_has_arrived(shop: Shop, ann: UserView) -> None:
    await finished(shop, ann)
    shop.telegram.errors.extend(SendFailed("502") for _ in range(2))
    for _ in range(2):
        await shop.deliver_all()
        await make_due(shop)
        assert shop.telegram.removed == []
    await shop.deliver_all()
    assert shop.telegram.removed == [(700_000_001, 100)]


async def test_what_failed_is_tried_again_at_the_right_times(shop: Shop, ann: UserView) -> None:
    delays_seconds = shop.settings.delivery_retry_seconds
    assert delays_seconds[:2] == (5, 12), "three tries within 20 s"
    assert delays_seconds[2:] == tuple(60 * minutes for minutes in (1, 5, 15, 60, 360))
    await finished(shop, ann)
    shop.telegram.errors.extend(SendFailed("502") for _ in range(99))
    for tries, delay in enumerate(delays_seconds, start=1):
        assert await shop.deliver(await result_id(shop)) == "OWED"
        (row,) = await shop.run_sql(RESULT)
        assert (row["state"], row["attempts"]) == ("OWED", tries)
        assert float(row["wait"]) == pytest.approx(delay, abs=3)
        assert await shop.deliver(await result_id(shop)) is None, "not due yet"
        await make_due(shop)
    assert await shop.deliver(await result_id(shop)) == "DEAD"
    assert await shop.alerts() == ["dead-delivery"]
    # Promise 6: a Telegram failure never fails a generation.
    assert await shop.scalar("SELECT status FROM generations") == "COMPLETED"
    assert await shop.prove() == []


async def test_flood_control_uses_up_no_tries(shop: Shop, ann: UserView) -> None:
    await finished(shop, ann)
    shop.telegram.errors.extend(SendLater("429", retry_after_seconds=37) for _ in range(20))
    for _ in range(20):
        assert await shop.deliver(await result_id(shop)) == "OWED"
        (row,) = await shop.run_sql(RESULT)
        assert row["attempts"] == 0
        assert float(row["wait"]) == pytest.approx(37, abs=3)
        await make_due(shop)
    await shop.deliver_all()
    assert (await shop.deliveries())["result"] == "SENT"
    assert await shop.alerts() == []


@pytest.mark.parametrize("count", [1, 2])
async def test_who_blocked_the_bot_gets_everything_when_they_are_back(shop: Shop, ann: UserView, count: int) -> None:
    """Trap 27: no retries meanwhile, and nothing is gone."""
    await finished(shop, ann, count=count)
    shop.telegram.errors.extend(RecipientUnreachable("blocked") for _ in range(3))
    await shop.deliver_all()
    assert (await shop.services.users.get(ann.id)).unreachable
    assert set((await shop.deliveries()).values()) <= {"DEAD", "SENT"}
    await make_due(shop)
    await shop.deliver_all()
    assert shop.telegram.templates == ["progress"]
    shop.telegram.errors.clear()
    await shop.enter(700_000_001)
    await shop.deliver_all()
    assert shop.telegram.templates == ["progress", "result", "receipt"][: 1 + count]
    assert shop.telegram.removed == [(700_000_001, 100)]
    assert not (await shop.services.users.get(ann.id)).unreachable
    assert await shop.alerts() == []


async def test_what_telegram_refuses_is_dead_and_told_once(shop: Shop, ann: UserView) -> None:
    for _ in range(2):
        await finished(shop, ann)
        shop.telegram.errors.append(SendRefused("bad request"))
        await shop.deliver_all()
    states = await shop.run_sql("SELECT state FROM deliveries WHERE kind = 'result'")
    assert [row["state"] for row in states] == ["DEAD", "DEAD"]
    assert await shop.alerts() == ["dead-delivery"]
    assert await shop.scalar("SELECT repeats FROM alerts") == 2
    assert shop.telegram.removed == [], "the progress message is all that the chat has"
    # Sending it again would be refused again: it waits for the operator.
    await shop.enter(700_000_001)
    await shop.services.accounts.mark_unreachable(700_000_001)
    await shop.enter(700_000_001)
    assert await shop.scalar("SELECT count(*) FROM deliveries WHERE kind = 'result' AND state = 'DEAD'") == 2


@pytest.mark.parametrize("error", [SendFailed("502"), SendRefused("no"), RecipientUnreachable("not a member")])
async def test_an_alert_that_cannot_be_sent_raises_no_other(shop: Shop, error: MessengerError) -> None:
    """Trap 26: flood control must not feed itself."""
    await shop.services.alerts.raise_("cause", "alert-worker-down", {"seconds": 5})
    shop.telegram.errors.extend(error for _ in range(99))
    for _ in range(12):
        await make_due(shop)
        await shop.deliver_all()
    assert await shop.deliveries() == {"alert": "DEAD"}
    assert await shop.alerts() == ["cause"]


async def test_one_alert_a_cause_and_hour(shop: Shop) -> None:
    raise_ = shop.services.alerts.raise_
    await asyncio.gather(*(raise_("cause", "alert-worker-down", {"seconds": 5}) for _ in range(5)))
    await raise_("other", "alert-worker-down", {"seconds": 5})
    await shop.run_sql("UPDATE alerts SET hour = hour - interval '1 hour'")
    await raise_("cause", "alert-worker-down", {"seconds": 5})
    assert await shop.scalar("SELECT array_agg(repeats ORDER BY id) FROM alerts") == [5, 1, 1]
    await shop.deliver_all()
    assert [(sent.chat_id, sent.params["cause"]) for _, sent in shop.telegram.sent] == [
        (-1001, "cause"),
        (-1001, "other"),
        (-1001, "cause"),
    ]


async def test_without_a_chat_alerts_are_only_kept(open_shop: OpenShop) -> None:
    shop = await open_shop(alert_chat_id=None)
    await shop.services.alerts.raise_("cause", "alert-worker-down", {"seconds": 5})
    assert await shop.alerts() == ["cause"]
    assert await shop.deliveries() == {}


async def test_a_progress_message_that_comes_too_late_is_not_sent(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann, origin=Origin.BOT)
    await shop.work(view)
    await shop.deliver_all()
    assert shop.telegram.templates == ["result"]
    assert shop.telegram.removed == []


async def test_the_removal_waits_for_a_progress_message_in_the_air(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann, origin=Origin.BOT)
    gate = shop.telegram.gate = Gate()
    progress = await shop.scalar("SELECT id FROM deliveries WHERE kind = 'progress'")
    sending = asyncio.create_task(shop.deliver(progress))
    await gate.reached.wait()
    shop.telegram.gate = None
    await shop.work(view)
    await shop.deliver(await result_id(shop))
    removal = await shop.scalar("SELECT id FROM deliveries WHERE kind = 'removal'")
    assert await shop.deliver(removal) == "OWED"
    gate.open()
    await sending
    await make_due(shop)
    assert await shop.deliver(removal) == "SENT"
    assert len(shop.telegram.removed) == 1


@pytest.mark.parametrize(("ending", "template"), [(Status.FAILED, "failed"), (Status.CANCELLED, "cancelled")])
async def test_the_chat_hears_of_every_end(shop: Shop, ann: UserView, ending: Status, template: str) -> None:
    view = await shop.submit(ann, origin=Origin.BOT)
    await shop.deliver_all()
    if ending is Status.FAILED:
        shop.vendor.will_answer(ProviderRejected("no"))
        await shop.work(view)
    else:
        await shop.services.generations.cancel(actor(ann), view.id)
    await shop.deliver_all()
    assert shop.telegram.templates == ["progress", template]
    assert shop.telegram.sent[1][1].params["returned"] == 4
    assert shop.telegram.removed == [(700_000_001, 100)]


async def test_words_are_in_the_language_at_the_time_of_sending(shop: Shop, ann: UserView) -> None:
    await finished(shop, ann)
    await shop.services.users.choose_language(actor(ann), "uz")
    await shop.deliver_all()
    assert shop.telegram.sent[-1][1].language == "uz"


async def test_a_deleted_result_is_not_sent(shop: Shop, ann: UserView) -> None:
    view = await finished(shop, ann)
    await shop.services.generations.delete(actor(ann), view.id)
    await shop.deliver_all()
    assert shop.telegram.templates == ["progress"]


async def test_a_double_tap_on_the_original_sends_one_file_and_a_later_tap_another(shop: Shop, ann: UserView) -> None:
    view = await finished(shop, ann, origin=Origin.API)
    send = shop.services.generations.send_original
    await asyncio.gather(*(send(actor(ann), view.id) for _ in range(3)))
    await shop.deliver_all()
    assert shop.telegram.templates.count("original") == 1
    assert shop.telegram.sent[-1][1].as_document
    await send(actor(ann), view.id)
    await shop.deliver_all()
    assert shop.telegram.templates.count("original") == 2
    # The second time Telegram has the file already.
    assert shop.telegram.sent[-1][1].media[0].file_id is not None


# ------------------------------------------------------------------------------------------------- leases and faults


async def rung(shop: Shop, owner: UUID, running: list[int]) -> list[int]:
    await shop.run_sql("UPDATE deliveries SET next_ring_at = now()")
    jobs = await shop.services.deliveries.ring_due(
        owner=owner, running=running, first_seconds=1, longest_seconds=1, limit=50
    )
    return [int(job.subject) for job in jobs if job.queue is Queue.DELIVERY]


async def test_a_delivery_whose_sender_died_is_sent_by_another(open_shop: OpenShop) -> None:
    shop = await open_shop()
    other = await open_shop()
    user = await shop.newcomer()
    await finished(shop, user, origin=Origin.API)
    result = await result_id(shop)
    await shop.services.runner.register(shop.owner, name="first")
    gate = shop.telegram.gate = Gate()
    sending = asyncio.create_task(shop.deliver(result))
    await gate.reached.wait()
    assert await other.deliver(result) is None
    assert await rung(other, other.owner, []) == []
    await shop.run_sql("UPDATE processes SET alive_until = now(), beat_at = now()")
    assert await rung(other, other.owner, []) == [result]
    assert await other.deliver(result) == "SENT"
    gate.open()
    await sending
    # The first one's late answer changes nothing.
    assert await shop.scalar("SELECT message_id FROM deliveries WHERE kind = 'result'") == 100
    assert await shop.scalar("SELECT fence FROM deliveries WHERE kind = 'result'") == 2


async def test_a_delivery_that_our_own_failure_left_is_taken_up_again(open_shop: OpenShop) -> None:
    """The database went away between the claim and the record, and the process lives on."""
    # Its lease does not end in the middle of this.
    shop = await open_shop(lease_seconds=60)
    await finished(shop, await shop.newcomer(), origin=Origin.API)
    await shop.services.runner.register(shop.owner, name="first")
    result = await result_id(shop)
    shop.telegram.errors.append(ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await shop.deliver(result)
    assert await rung(shop, shop.owner, [result]) == []
    assert await rung(shop, uuid4(), []) == []
    assert await rung(shop, shop.owner, []) == [result]
    assert await shop.deliver(result) == "SENT"


async def test_our_own_fault_is_tried_again_and_at_last_told(shop: Shop, ann: UserView) -> None:
    await finished(shop, ann, origin=Origin.API)
    result = await result_id(shop)
    shop.telegram.errors.extend(KeyError("a bug") for _ in range(99))
    for _ in range(len(shop.settings.delivery_retry_seconds) + 1):
        await make_due(shop)
        with pytest.raises(KeyError):
            await shop.deliver(result)
        await shop.services.deliveries.record_fault(result, owner=shop.owner, error=KeyError("a bug"))
    assert (await shop.deliveries())["result"] == "DEAD"
    assert await shop.alerts() == ["dead-delivery"]


async def test_lost_rings_are_rung_again_with_a_back_off(shop: Shop, ann: UserView) -> None:
    await finished(shop, ann, origin=Origin.API)
    result = await result_id(shop)
    numbers = []
    for _ in range(3):
        await shop.run_sql("UPDATE deliveries SET next_ring_at = now()")
        jobs = await shop.services.deliveries.ring_due(
            owner=shop.owner, running=[], first_seconds=5, longest_seconds=60, limit=50
        )
        numbers += [job.ring_number for job in jobs]
        assert await rung_again(shop) == []
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 3
    assert await shop.deliver(result) == "SENT"


async def rung_again(shop: Shop) -> list[int]:
    jobs = await shop.services.deliveries.ring_due(
        owner=shop.owner, running=[], first_seconds=5, longest_seconds=60, limit=50
    )
    return [int(job.subject) for job in jobs]


async def test_progress_is_shown_by_editing_one_message_at_a_sane_pace(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann, origin=Origin.BOT)
    await shop.deliver_all()
    reports = [TaskReport(TaskState.RUNNING, percent=percent) for percent in (10, 20, 30, 40)]
    shop.vendor.will_report(*reports)
    for _ in ("create", *reports):
        await shop.step(view)
    shows = [job for job in shop.bell.jobs if job.name == "progress"]
    assert len(shows) <= 1, "the chat is told at most every three seconds"
    await shop.run_sql("UPDATE generations SET progressed_at = now() - make_interval(secs => 5)")
    shop.vendor.will_report(TaskReport(TaskState.RUNNING, percent=55))
    await shop.step(view)
    assert len([job for job in shop.bell.jobs if job.name == "progress"]) == len(shows) + 1
    await shop.services.progress.show(view.id)
    ((message_id, edited),) = shop.telegram.edited
    assert (message_id, edited.params["percent"]) == (100, 55)
