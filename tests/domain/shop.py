"""The product's services over a real database and hand-written fakes, and steps that a worker would take."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.container import Container
from app.core.ids import new_id
from app.core.jobs import Queue
from app.domain.accounts.service import Visit
from app.domain.actors import Actor
from app.domain.generations.models import Origin
from app.domain.generations.requests import SubmitGeneration
from app.domain.generations.views import GenerationView, Options
from app.domain.reports.books import Breach
from app.domain.users.service import TelegramIdentity
from app.domain.users.views import UserView
from app.settings import Settings
from tests.domain.till import MemoryTill
from tests.fakes import (
    MemoryChatFiles,
    MemorySessions,
    MemoryStorage,
    RecordingMessenger,
    RecordingRinger,
    ScriptedDownloader,
    ScriptedProvider,
)
from tests.harness import ALERT_CHAT_ID, BOT_TOKEN, BOT_USERNAME

_MOST_STEPS = 40
OPERATOR = Actor.operator("tests")


def shop_settings(database_url: str, **given: object) -> Settings:
    """Settings of a product whose every outside system but PostgreSQL is a fake."""
    fixed: dict[str, Any] = {
        "environment": "test",
        "database_url": database_url,
        "redis_url": "redis://127.0.0.1:9/0",
        "s3_endpoint_url": "http://127.0.0.1:9",
        "s3_access_key": "none",
        "s3_secret_key": "none",
        "bot_token": BOT_TOKEN,
        "bot_username": BOT_USERNAME,
        "alert_chat_id": ALERT_CHAT_ID,
        "webapp_secret": "cabinet_secret_of_the_tests_0123456789",
        "providers": "demo",
        "demo_api_key": "none",
        "demo_base_url": "http://127.0.0.1:9",
        # A lease must be shorter than the server's age before anybody may take it over.
        "lease_seconds": 3.0,
        "heartbeat_seconds": 1.0,
        "ring_first_seconds": 0.01,
        "ring_longest_seconds": 0.05,
    }
    return Settings(_env_file=None, **(fixed | given))


class Shop(Container):
    """The container with fakes in place of every adapter but the database."""

    def __init__(self, settings: Settings) -> None:
        self.vendor = ScriptedProvider("demo")
        self.spare = ScriptedProvider("spare")
        self.store = MemoryStorage()
        self.telegram = RecordingMessenger()
        self.downloads = ScriptedDownloader()
        self.bell = RecordingRinger()
        self.memory_sessions = MemorySessions()
        self.chat_album = MemoryChatFiles()
        self.till = MemoryTill()
        self.owner = new_id()
        super().__init__(settings)

    def _build_adapters(self, settings: Settings) -> None:
        super()._build_adapters(settings)
        # The attributes have the real adapters' types, and nothing but the ports is used of them.
        vars(self).update(
            providers={"demo": self.vendor, "spare": self.spare},
            storage=self.store,
            messenger=self.telegram,
            downloader=self.downloads,
            queue=self.bell,
            sessions=self.memory_sessions,
            chat_files=self.chat_album,
            stars=self.till,
        )
        self.db.ring_with(self.bell)

    async def open(self) -> None:
        """Nothing to connect: the fakes are in memory."""

    # ------------------------------------------------------------------------------------------- statements

    async def run_sql(self, statement: str, **params: object) -> list[Mapping[str, Any]]:
        """Look at the database, or change what no use case changes."""
        async with self.db.transaction() as tx:
            return [dict(row._mapping) for row in await tx.all(text(statement), params)]

    async def scalar(self, statement: str, **params: object) -> Any:
        """The single value of a statement."""
        return next(iter((await self.run_sql(statement, **params))[0].values()))

    async def advance_clock(self, by: timedelta) -> None:
        """Move the product's clock, as the sandbox does."""
        await self.run_sql(
            """
            INSERT INTO app_settings (key, value) VALUES ('clock_offset_seconds', to_jsonb(CAST(:by AS float)))
            ON CONFLICT (key) DO UPDATE SET value = to_jsonb((app_settings.value #>> '{}')::float + CAST(:by AS float))
            """,
            by=by.total_seconds(),
        )

    async def add_spare_route(self, model_key: str = "image-standard") -> None:
        """A second way to have the model made, after the first."""
        await self.run_sql(
            """
            INSERT INTO provider_routes (id, model_key, provider, vendor_model, position, cost_micros)
            VALUES (:id, :model, 'spare', 'spare-model', 901, 0)
            """,
            id=new_id(),
            model=model_key,
        )
        self.services.catalog.forget()

    # --------------------------------------------------------------------------------------------- people

    async def newcomer(self, telegram_id: int = 700_000_001, *, credits: int = 20) -> UserView:  # noqa: A002 - the word
        """A user with the first credits and, if asked, another number of them."""
        visit = await self.enter(telegram_id)
        if credits != visit.user.credits:
            delta = credits - visit.user.credits
            return await self.services.credits.adjust(OPERATOR, telegram_id, delta, reason="a test needs them")
        return visit.user

    async def enter(self, telegram_id: int, *, name: str = "Ann", language: str = "en") -> Visit:
        """`/start`."""
        return await self.services.accounts.enter(TelegramIdentity(telegram_id, name, None, language))

    async def refunds_are_due(self) -> None:
        """The wait of every open refund is over."""
        await self.run_sql("UPDATE refunds SET next_attempt_at = now() WHERE state = 'OPEN'")

    async def finish_refund(self, refund_id: UUID) -> None:
        """What the sweep does about an open refund, after its wait."""
        await self.refunds_are_due()
        await self.services.refunds.finish(refund_id)

    async def balances(self, user_id: int) -> tuple[int, int, int]:
        """Available, held, active."""
        user = await self.services.users.get(user_id)
        return user.credits, user.held, user.active_generations

    async def prove(self) -> list[Breach]:
        """Every breach of promise 1."""
        _, breaches = await self.services.books.prove_all()
        return breaches

    # ------------------------------------------------------------------------------------------------ work

    async def submit(self, user: UserView, prompt: str = "a red kite", **given: Any) -> GenerationView:
        """Have a picture accepted."""
        return await self.services.generations.submit(Actor.user(user.id), order(prompt, **given))

    async def look(self, view: GenerationView) -> GenerationView:
        """The generation as its user sees it now."""
        return await self.services.generations.get(Actor.user(view.user_id), view.id)

    async def step(self, view: GenerationView) -> None:
        """One run of the worker, after the wait that the row asks for."""
        await self.run_sql(
            "UPDATE generations SET next_poll_at = now() WHERE id = :id AND next_poll_at IS NOT NULL", id=view.id
        )
        await self.services.runner.run(view.id, owner=self.owner)

    async def work(self, view: GenerationView) -> GenerationView:
        """Step until it is settled."""
        for _ in range(_MOST_STEPS):
            await self.step(view)
            now = await self.look(view)
            if not now.is_open:
                return now
        raise AssertionError(f"{view.id} is still open: {now}")

    async def wait_seconds(self, view: GenerationView) -> float:
        """How long the row is parked for."""
        return float(
            await self.scalar(
                "SELECT extract(epoch FROM next_poll_at - now()) FROM generations WHERE id = :id", id=view.id
            )
        )

    async def attempts(self, view: GenerationView) -> list[tuple[int, str, str, bool]]:
        """Index, provider, state and whether it counts, in order."""
        rows = await self.run_sql(
            "SELECT output_index, provider, state, counts FROM provider_attempts WHERE generation_id = :id"
            " ORDER BY output_index, number",
            id=view.id,
        )
        return [(row["output_index"], row["provider"], row["state"], row["counts"]) for row in rows]

    async def states(self, view: GenerationView) -> list[str]:
        """The states of the creates, in order."""
        return [state for _, _, state, _ in await self.attempts(view)]

    async def deliver(self, delivery_id: int) -> str | None:
        """Have one delivery tried."""
        state = await self.services.deliveries.deliver(delivery_id, owner=self.owner)
        return None if state is None else state.value

    async def deliver_all(self) -> None:
        """Try everything that is owed and due, in the order of the rings, until nothing moves."""
        for _ in range(_MOST_STEPS):
            due = await self.run_sql(
                "SELECT id FROM deliveries WHERE state = 'OWED' AND next_attempt_at <= now() ORDER BY rank, id"
            )
            tried = [await self.deliver(row["id"]) for row in due]
            if not any(tried):
                return
        raise AssertionError("deliveries never come to rest")

    async def deliveries(self) -> dict[str, str]:
        """State by the part of the key that says what it is."""
        rows = await self.run_sql("SELECT key, state FROM deliveries ORDER BY id")
        return {row["key"].partition(":")[0]: row["state"] for row in rows}

    async def alerts(self) -> list[str]:
        """The causes that were raised, in order."""
        return [row["cause"] for row in await self.run_sql("SELECT cause FROM alerts ORDER BY id")]

    def rung(self, queue: Queue) -> int:
        """How many jobs of a queue were rung."""
        return sum(job.queue is queue for job in self.bell.jobs)


def order(prompt: str = "a red kite", *, count: int = 1, ratio: str = "1:1", **given: Any) -> SubmitGeneration:
    """An order of pictures."""
    fields: dict[str, Any] = {"model_key": "image-standard", "origin": Origin.API} | given
    return SubmitGeneration(prompt=prompt, options=Options(ratio, count), **fields)


def actor(user: UserView) -> Actor:
    """The user as an actor."""
    return Actor.user(user.id)


def ids(views: list[GenerationView]) -> list[UUID]:
    """The ids of generations."""
    return [view.id for view in views]
