"""The minute's checks: none keeps another from being made, and what is due hourly is done once an hour."""

from app.worker.setup import WorkerService
from tests.domain.shop import Shop


async def test_a_check_that_fails_stops_no_other(shop: Shop) -> None:
    called: list[str] = []

    def fails(name: str) -> object:
        async def check(**_given: object) -> None:
            called.append(name)
            raise RuntimeError(name)

        return check

    services = shop.services
    vars(services.books).update(check_touched=fails("books"), check_queue=fails("queue"))
    vars(services.subscriptions)["warn_of_ends"] = fails("ends")
    vars(services.reconciliation)["run_hourly"] = fails("stars")
    vars(services.refunds)["forget_payers"] = fails("payers")
    worker = WorkerService(shop)
    for _ in range(60):
        await worker.check()
    assert called == ["books", "queue", "ends", "stars", "payers"] + ["books", "queue", "ends", "stars"] * 59
    await worker.check()
    assert called[-1] == "payers"


async def test_a_slip_in_the_catalogue_is_told_once(shop: Shop) -> None:
    await shop.run_sql("UPDATE models SET options = '{}' WHERE key = 'image-pro'")
    shop.services.catalog.forget()
    worker = WorkerService(shop)
    for _ in range(2):
        await worker.check()
    assert await shop.alerts() == ["catalogue-invalid:catalogue, models, key image-pro, options"]
