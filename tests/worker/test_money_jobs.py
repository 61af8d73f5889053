"""What is owed without anybody waiting for it: rewards after the escrow, money back. The sweep finds it by itself."""

from datetime import timedelta

from app.domain.generations.requests import NewDraft
from app.domain.payments.charges import ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder
from app.domain.ports import ProviderFailed
from app.domain.users.service import TelegramIdentity
from app.worker.jobs import Jobs
from app.worker.sweep import Sweep
from tests.domain.conftest import OpenShop
from tests.domain.shop import Shop, actor
from tests.domain.till import charge_of, paid


async def sweep(shop: Shop) -> None:
    """One sweep, and everything that it rings for."""
    jobs = Jobs(shop, shop.owner)
    shop.bell.rings = []
    await Sweep(shop, jobs).sweep()
    for job in shop.bell.jobs:
        assert job.name in jobs.names(job.queue)
        await jobs.run(job.name, job.subject)


async def test_the_sweep_pays_the_reward_when_its_escrow_is_over(open_shop: OpenShop) -> None:
    shop = await open_shop()
    ann = await shop.newcomer()
    link = (await shop.services.referrals.summary(actor(ann))).link
    ben = await shop.services.accounts.enter(
        TelegramIdentity(700_000_002, "Ben", None, "en"), start_param=link.partition("start=")[2]
    )
    await paid(shop, ben.user)
    await sweep(shop)
    assert (await shop.balances(ann.id))[0] == 20
    await shop.advance_clock(timedelta(days=21, minutes=1))
    await sweep(shop)
    assert (await shop.balances(ann.id))[0] == 40


async def test_the_sweep_sends_the_money_back_whose_ring_was_lost(open_shop: OpenShop) -> None:
    shop = await open_shop(pay_and_go_money_back=True)
    ann = await shop.newcomer(credits=0)
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite", count=1))
    order = await shop.services.orders.create(actor(ann), NewOrder(Method.STARS, draft_id=draft.id), wants_link=False)
    charge = charge_of(order, ann)
    await shop.services.charges.credit(charge, source=ChargeSource.UPDATE)
    shop.vendor.will_answer(*(ProviderFailed("no") for _ in range(4)))
    assert order.generation_id is not None
    view = await shop.services.generations.get(actor(ann), order.generation_id)
    await shop.work(view)
    await sweep(shop)
    await shop.run_sql("UPDATE refunds SET next_attempt_at = now()")
    await sweep(shop)
    assert shop.till.refunded == [charge.charge_id]
