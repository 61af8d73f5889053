"""Which route makes it: failover at an unchanged price, breakers shared by processes, costs, vendors that ring."""

import asyncio
from datetime import timedelta

import pytest

from app.domain.catalog.breaker import BreakerTerms, RouteBreaker
from app.domain.catalog.views import Breaker
from app.domain.errors import ModelUnavailable
from app.domain.generations.models import Kind, Origin, Status
from app.domain.generations.requests import NewDraft
from app.domain.ports import (
    ProviderBusy,
    ProviderError,
    ProviderFailed,
    ProviderHeldBack,
    ProviderInvalid,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTraits,
    ProviderUnreachable,
    Shape,
    TaskReport,
    TaskState,
)
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import Shop, actor
from tests.fakes import Gate, succeeded
from tests.waiting import until

_MODEL = "image-standard"
BROKEN = [ProviderBusy("503"), ProviderUnreachable("refused"), ProviderOutcomeUnknown("reset")]
SOUND = [ProviderRejected("no"), ProviderInvalid("what"), ProviderFailed("oh"), ProviderRateLimited("429")]


@pytest.fixture
async def eve(shop: Shop) -> UserView:
    """Somebody with credits for many pictures."""
    shop.vendor.way = shop.spare.way = Shape.NOW
    return await shop.newcomer(700_000_009, credits=900)


async def breaker(shop: Shop, provider: str = "demo") -> Breaker:
    """How the route's breaker stands, read anew."""
    shop.services.catalog.forget()
    model = await shop.services.catalog.find_model(_MODEL)
    assert model is not None
    return next(route.breaker for route in model.routes if route.provider == provider)


async def fail(shop: Shop, user: UserView, times: int, error: ProviderError | None = None) -> None:
    """So many creates that the first vendor does not answer, each of an order that the spare route then makes."""
    shop.vendor.will_answer(*(error or ProviderBusy("503") for _ in range(times)))
    while shop.vendor.answers[0]:
        assert (await shop.work(await shop.submit(user))).status is Status.COMPLETED


async def let_open_end(shop: Shop) -> None:
    await shop.run_sql("UPDATE route_breakers SET open_until = now()")
    shop.services.catalog.forget()


async def test_the_next_route_takes_over_and_the_price_stays(shop: Shop, eve: UserView) -> None:
    await shop.add_spare_route()
    shop.vendor.will_answer(*(ProviderBusy("503") for _ in range(2)))
    done = await shop.work(await shop.submit(eve))
    assert (done.status, done.price_credits, done.charged_credits) == (Status.COMPLETED, 4, 4)
    assert [provider for _, provider, _, _ in await shop.attempts(done)] == ["demo", "demo", "spare"]


async def test_five_failures_open_the_breaker_and_the_operator_is_told_once(shop: Shop, eve: UserView) -> None:
    await shop.add_spare_route()
    await fail(shop, eve, 5)
    assert await breaker(shop) is Breaker.OPEN
    assert await shop.alerts() == ["breaker-open:demo:demo-standard"]
    creates = len(shop.vendor.creates)
    done = await shop.work(await shop.submit(eve))
    assert len(shop.vendor.creates) == creates
    assert await shop.attempts(done) == [(0, "spare", "MADE", True)]


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
async def test_a_vendor_that_does_not_answer_opens_its_breaker(open_shop: OpenShop, error: ProviderError) -> None:
    shop = await open_shop(breaker_failures=2)
    shop.vendor.way = Shape.NOW
    user = await shop.newcomer(credits=100)
    shop.vendor.will_answer(error, error)
    view = await shop.submit(user)
    await shop.step(view)
    await shop.step(view)
    assert await breaker(shop) is Breaker.OPEN


@pytest.mark.parametrize("error", SOUND, ids=lambda error: type(error).__name__)
async def test_a_vendor_that_answers_is_sound(open_shop: OpenShop, error: ProviderError) -> None:
    shop = await open_shop(breaker_failures=1)
    shop.vendor.way = Shape.NOW
    shop.vendor.will_answer(error)
    await shop.work(await shop.submit(await shop.newcomer()))
    assert await breaker(shop) is Breaker.CLOSED


async def test_failures_long_ago_are_forgotten(shop: Shop, eve: UserView) -> None:
    await shop.add_spare_route()
    await fail(shop, eve, 4)
    await shop.run_sql("UPDATE route_breakers SET failed_at = ARRAY[now() - interval '61 seconds']")
    await fail(shop, eve, 1)
    assert await breaker(shop) is Breaker.CLOSED


async def test_while_it_is_open_nothing_is_sent_and_no_create_is_counted(shop: Shop, eve: UserView) -> None:
    view = await shop.submit(eve)
    await shop.run_sql(
        "INSERT INTO route_breakers (route_id, open_until) SELECT id, now() + interval '30 seconds'"
        " FROM provider_routes WHERE model_key = :model AND provider = 'demo'",
        model=_MODEL,
    )
    shop.services.catalog.forget()
    for _ in range(3):
        await shop.step(view)
    assert (shop.vendor.creates, await shop.attempts(view)) == ([], [])
    assert 25 < await shop.wait_seconds(view) <= 30
    await let_open_end(shop)
    assert (await shop.work(view)).status is Status.COMPLETED


async def test_with_every_breaker_open_orders_are_refused_before_the_hold(shop: Shop, eve: UserView) -> None:
    await shop.run_sql(
        "INSERT INTO route_breakers (route_id, open_until) SELECT id, now() + interval '30 seconds'"
        " FROM provider_routes"
    )
    shop.services.catalog.forget()
    with pytest.raises(ModelUnavailable):
        await shop.submit(eve)
    assert await shop.balances(eve.id) == (900, 0, 0)
    await let_open_end(shop)
    assert (await shop.work(await shop.submit(eve))).status is Status.COMPLETED


async def test_half_open_one_process_tries_and_its_success_closes(open_shop: OpenShop) -> None:
    """Two processes on one database: of all creates that are due, one is sent."""
    first, second = await open_shop(), await open_shop()
    for shop in (first, second):
        shop.vendor.way = Shape.NOW
    user = await first.newcomer(credits=100)
    await first.add_spare_route()
    await fail(first, user, 5)
    assert await breaker(second) is Breaker.OPEN
    await let_open_end(first)
    second.services.catalog.forget()
    views = [await first.submit(user) for _ in range(4)]
    before = len(first.vendor.creates)
    first.vendor.gate = second.vendor.gate = gate = Gate()

    async def run_all() -> None:
        await asyncio.gather(*(first.step(view) for view in views[:2]), *(second.step(view) for view in views[2:]))

    async def others_are_made() -> bool:
        made = await first.scalar("SELECT count(*) FROM provider_attempts WHERE provider = 'spare'")
        return bool(made == spare + 3)

    spare = await first.scalar("SELECT count(*) FROM provider_attempts WHERE provider = 'spare'")
    async with asyncio.TaskGroup() as steps:
        steps.create_task(run_all())
        await until(others_are_made)
        assert len(first.vendor.creates) - before + len(second.vendor.creates) == 1
        gate.open()
    assert await breaker(second) is Breaker.CLOSED
    assert (await first.alerts())[-1] == "breaker-closed:demo:demo-standard"


async def test_a_failed_probe_opens_it_again(shop: Shop, eve: UserView) -> None:
    await shop.add_spare_route()
    await fail(shop, eve, 5)
    await let_open_end(shop)
    await fail(shop, eve, 1)
    assert await breaker(shop) is Breaker.OPEN


async def test_what_was_held_back_by_our_own_pace_is_no_answer_of_the_vendor(shop: Shop, eve: UserView) -> None:
    """Nothing was sent: it neither closes a half-open breaker nor keeps the next one from trying."""
    await shop.add_spare_route()
    await fail(shop, eve, 5)
    await let_open_end(shop)
    await fail(shop, eve, 1, ProviderHeldBack("our own pace"))
    assert await breaker(shop) is Breaker.HALF_OPEN
    assert "breaker-closed:demo:demo-standard" not in await shop.alerts()
    await shop.work(await shop.submit(eve))
    assert await breaker(shop) is Breaker.CLOSED


async def test_who_dies_while_it_tries_blocks_nobody_for_ever(shop: Shop, eve: UserView) -> None:
    await shop.add_spare_route()
    await fail(shop, eve, 5)
    await let_open_end(shop)
    await shop.run_sql("UPDATE route_breakers SET probe_until = now() + interval '1 minute'")
    before = len(shop.vendor.creates)
    await shop.work(await shop.submit(eve))
    assert len(shop.vendor.creates) == before
    await shop.run_sql("UPDATE route_breakers SET probe_until = now()")
    shop.services.catalog.forget()
    await shop.work(await shop.submit(eve))
    assert len(shop.vendor.creates) == before + 1
    assert await breaker(shop) is Breaker.CLOSED


async def test_a_failure_of_a_call_in_the_air_does_not_prolong_the_time(shop: Shop, eve: UserView) -> None:
    await shop.add_spare_route()
    await fail(shop, eve, 5)
    await shop.run_sql("UPDATE route_breakers SET open_until = now() + interval '2 seconds'")
    route = await shop.scalar("SELECT route_id FROM route_breakers")
    before = await shop.scalar("SELECT open_until FROM route_breakers")
    assert not await shop_breaker(shop).note_failure(route)
    assert await shop.scalar("SELECT open_until FROM route_breakers") == before


async def test_ten_failures_at_once_open_it_once(shop: Shop) -> None:
    route = await shop.scalar("SELECT id FROM provider_routes WHERE vendor_model = 'demo-standard'")
    opened = await asyncio.gather(*(shop_breaker(shop).note_failure(route) for _ in range(10)))
    assert sum(opened) == 1


async def test_an_empty_account_goes_to_the_next_route_at_once(shop: Shop, eve: UserView) -> None:
    await shop.add_spare_route()
    shop.vendor.will_answer(ProviderOutOfMoney("402"))
    done = await shop.work(await shop.submit(eve))
    assert [provider for _, provider, _, _ in await shop.attempts(done)] == ["demo", "spare"]
    assert await shop.alerts() == ["provider-out-of-money:demo"]


async def test_a_route_outside_of_its_bounds_is_passed_over(shop: Shop, eve: UserView) -> None:
    await shop.add_spare_route()
    await shop.run_sql(
        "UPDATE provider_routes SET bounds = '{\"prompt_units\": 5}' WHERE vendor_model = 'demo-standard'"
    )
    shop.services.catalog.forget()
    done = await shop.work(await shop.submit(eve, "longer than five"))
    assert [provider for _, provider, _, _ in await shop.attempts(done)] == ["spare"]


@pytest.mark.parametrize(("said", "recorded"), [(7, 7), (0, 10_000)])
async def test_the_cost_is_the_vendors_or_else_the_routes(
    shop: Shop, ann: UserView, *, said: int, recorded: int
) -> None:
    shop.vendor.will_report(succeeded(cost_micros=said))
    await shop.work(await shop.submit(ann))
    assert await shop.scalar("SELECT cost_micros FROM provider_attempts") == recorded


async def test_a_second_of_video_is_what_a_route_estimates(shop: Shop, eve: UserView) -> None:
    shop.vendor.way = Shape.TASK
    shop.vendor.will_report(succeeded(cost_micros=0))
    draft = await shop.services.drafts.create(actor(eve), NewDraft("waves", kind=Kind.VIDEO))
    await shop.work(await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.API))
    assert await shop.scalar("SELECT cost_micros FROM provider_attempts") == 25_000


async def test_a_failed_create_costs_what_the_vendor_says_it_does(shop: Shop, ann: UserView) -> None:
    shop.vendor.will_report(TaskReport(TaskState.FAILED, cost_micros=3))
    await shop.work(await shop.submit(ann))
    assert await shop.scalar("SELECT cost_micros FROM provider_attempts") == 3


@pytest.mark.parametrize(("rings", "link"), [(True, "https://shop.test/hooks/providers/demo"), (False, None)])
async def test_a_vendor_that_rings_is_told_where(open_shop: OpenShop, *, rings: bool, link: str | None) -> None:
    shop = await open_shop(public_url="https://shop.test")
    shop.vendor.traits = ProviderTraits(True, True, True, rings=rings)
    await shop.work(await shop.submit(await shop.newcomer()))
    assert shop.vendor.creates[0].callback_url == link


async def test_a_ring_has_the_task_asked_about_now(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.run_sql("UPDATE generations SET next_poll_at = now() + interval '60 seconds'")
    task_id = next(iter(shop.vendor.tasks.values()))
    assert not await shop.services.doorbell.ring("spare", task_id)
    assert not await shop.services.doorbell.ring("demo", "nobody's")
    assert await shop.wait_seconds(view) > 50
    assert await shop.services.doorbell.ring("demo", task_id)
    assert await shop.wait_seconds(view) <= 0
    assert not await shop.services.doorbell.ring("demo", task_id)
    asked = len(shop.vendor.asked)
    await shop.services.runner.run(view.id, owner=shop.owner)
    assert len(shop.vendor.asked) == asked + 1


async def test_a_ring_for_a_task_that_is_worked_on_changes_nothing(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann)
    await shop.step(view)
    await shop.run_sql("UPDATE generations SET lease_owner = :owner, next_poll_at = NULL", owner=shop.owner)
    assert not await shop.services.doorbell.ring("demo", next(iter(shop.vendor.tasks.values())))


def shop_breaker(shop: Shop) -> RouteBreaker:
    """The breakers of this process."""
    terms = BreakerTerms(5, timedelta(seconds=60), timedelta(seconds=30), timedelta(seconds=130))
    return RouteBreaker(shop.db, shop.services.catalog, terms)


@pytest.mark.parametrize("error", [ProviderUnreachable("refused"), ProviderRateLimited("429", retry_after_seconds=30)])
async def test_who_takes_nothing_is_passed_over_at_once_and_nobody_waits(
    shop: Shop, ann: UserView, error: ProviderError
) -> None:
    """One order on a quiet service: too few failures for a breaker, and the next route is sound."""
    await shop.add_spare_route()
    shop.vendor.will_answer(*[error] * 10)
    view = await shop.submit(ann)
    await shop.step(view)
    assert await shop.wait_seconds(view) < 1
    done = await shop.work(view)
    assert [(provider, state) for _, provider, state, _ in await shop.attempts(done)] == [
        ("demo", "NOT_TAKEN"),
        ("spare", "MADE"),
    ]


async def test_when_every_route_takes_nothing_they_are_asked_in_turn_with_waits(shop: Shop, ann: UserView) -> None:
    await shop.add_spare_route()
    for vendor in (shop.vendor, shop.spare):
        vendor.will_answer(*[ProviderUnreachable("refused")] * 2)
    done = await shop.work(await shop.submit(ann))
    assert [provider for _, provider, _, _ in await shop.attempts(done)] == ["demo", "spare", "demo", "spare", "demo"]


async def test_no_patience_that_a_vendor_asks_for_is_no_loop(open_shop: OpenShop) -> None:
    """`Retry-After: 0`."""
    shop = await open_shop(ring_first_seconds=5, ring_longest_seconds=60)
    view = await shop.submit(await shop.newcomer())
    shop.vendor.will_answer(ProviderRateLimited("429", retry_after_seconds=0))
    await shop.step(view)
    assert await shop.wait_seconds(view) > 4


async def test_what_one_route_cannot_read_another_may(shop: Shop, ann: UserView) -> None:
    await shop.add_spare_route()
    shop.vendor.will_answer(*[ProviderInvalid("too long")] * 4)
    done = await shop.work(await shop.submit(ann))
    assert [(provider, state) for _, provider, state, _ in await shop.attempts(done)] == [
        ("demo", "INVALID"),
        ("spare", "MADE"),
    ]
