"""The pacer's rules, with time handed in."""

import pytest

from app.adapters.telegram.pacing import Pacer, Ticket

REPLY, RESULT, BROADCAST = 0, 1, 3


def pacer(*, per_second: float = 10.0, chat_per_second: float = 1.0) -> Pacer:
    return Pacer(per_second=per_second, chat_per_second=chat_per_second, ranks=4)


def passed(subject: Pacer, *, until: float, step: float = 0.01, since: float = 0.0) -> list[tuple[float, Ticket]]:
    """Every ticket let through, with its time, in a walk of small steps."""
    found = []
    for tick in range(round((until - since) / step) + 1):
        now = since + tick * step
        found += [(now, ticket) for ticket in subject.advance(now)]
    return found


def join(subject: Pacer, chat_id: int, rank: int = REPLY, *, now: float = 0.0, weight: int = 1) -> Ticket:
    ticket = Ticket(chat_id, rank, weight)
    subject.join(ticket, now)
    return ticket


def test_the_overall_rate_holds_over_many_chats() -> None:
    subject = pacer()
    for chat_id in range(100):
        join(subject, chat_id)
    sent = passed(subject, until=5.0)
    # A fifth of a second's worth may go at once.
    assert 50 <= len(sent) <= 53
    for start in range(4):
        assert sum(start < at <= start + 1 for at, _ in sent) <= 12


def test_a_chat_gets_a_short_burst_and_then_one_a_second() -> None:
    subject = pacer(per_second=1000)
    for _ in range(6):
        join(subject, 7)
    times = [at for at, _ in passed(subject, until=4.0)]
    assert times[:3] == [0.0, 0.0, 0.0]
    assert times[3:] == pytest.approx([1.0, 2.0, 3.0], abs=0.02)


def test_an_album_counts_as_many_as_it_shows() -> None:
    subject = pacer(per_second=1000)
    join(subject, 7, weight=4)
    join(subject, 7)
    times = [at for at, _ in passed(subject, until=4.0)]
    assert times == pytest.approx([0.0, 2.0], abs=0.02)


def test_replies_overtake_results_and_those_overtake_broadcasts() -> None:
    subject = pacer(per_second=1)
    subject.advance(0.0)
    ranks = [BROADCAST, RESULT, REPLY]
    tickets = [join(subject, chat_id, rank) for chat_id, rank in enumerate(ranks)]
    assert [ticket for _, ticket in passed(subject, until=3.0)] == tickets[::-1]


def test_chats_take_turns() -> None:
    subject = pacer(per_second=10, chat_per_second=100)
    flood = [join(subject, 1) for _ in range(50)]
    single = join(subject, 2)
    order = [ticket for _, ticket in passed(subject, until=2.0)]
    assert order.index(single) <= 3
    assert order[0] is flood[0]


def test_a_paused_chat_waits_and_the_others_do_not() -> None:
    subject = pacer()
    subject.pause(1, 5.0)
    waiting, other = join(subject, 1), join(subject, 2)
    assert subject.pause_left(1, 1.0) == 4.0
    assert passed(subject, until=4.9) == [(0.0, other)]
    assert [ticket for _, ticket in passed(subject, since=4.9, until=5.2)] == [waiting]


def test_a_pause_of_everything_holds_everything() -> None:
    subject = pacer()
    join(subject, 1)
    subject.pause_all(3.0)
    assert subject.next_at() == 3.0
    assert passed(subject, until=2.9) == []
    assert len(passed(subject, since=3.0, until=3.1)) == 1


def test_a_withdrawn_ticket_is_not_let_through_and_costs_nothing() -> None:
    subject = pacer(per_second=1)
    first, second, third = (join(subject, chat_id) for chat_id in range(3))
    subject.withdraw(second)
    assert [ticket for _, ticket in passed(subject, until=2.0)] == [first, third]
    assert subject.next_at() is None


def test_processes_share_the_overall_rate() -> None:
    subject = pacer()
    subject.set_share(5)
    for chat_id in range(50):
        join(subject, chat_id)
    assert 10 <= len(passed(subject, until=5.0)) <= 11


def test_a_deletion_spares_the_pace_of_its_chat() -> None:
    subject = pacer(per_second=1000)
    for _ in range(3):
        join(subject, 1)
    subject.join(Ticket(1, REPLY, counts_for_chat=False), 0.0)
    assert len(subject.advance(0.0)) == 4


def test_the_queue_is_bounded() -> None:
    subject = pacer(per_second=0.001)
    joined = 0
    while not subject.is_full(RESULT):
        join(subject, joined, RESULT)
        joined += 1
    assert joined == 5_000
    assert not subject.is_full(REPLY)


def test_nobody_waiting_means_nothing_to_do() -> None:
    subject = pacer()
    assert subject.next_at() is None
    join(subject, 1)
    assert len(subject.advance(0.0)) == 1
    assert subject.next_at() is None


def test_idle_chats_are_forgotten() -> None:
    subject = pacer(per_second=1e6)
    for chat_id in range(5_000):
        join(subject, chat_id)
        subject.advance(chat_id * 10.0)
    assert len(subject._chats) <= 2_001


def test_the_next_moment_is_never_missed() -> None:
    """Walking from `next_at` to `next_at` lets everybody through, without a step in vain for each."""
    subject = pacer(per_second=5)
    for number in range(40):
        join(subject, number % 4, number % 3)
    steps, count, now = 0, 0, 0.0
    while (at := subject.next_at()) is not None:
        now = max(now, at)
        count += len(subject.advance(now))
        steps += 1
        assert steps < 200
    assert count == 40
