"""What the tests of crashes and outages stand on: people, the truth in the database, and what the vendor counted."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import httpx

from app.core.db import Database
from app.domain.reports import books
from tests.bot.phone import Json, Phone, button_of
from tests.fakes import picture
from tests.harness import StarbrushProcess, asyncpg_url, run_starbrush

Found = TypeVar("Found")

FIRST_CREDITS = 20
PRICE_CREDITS = 4
# Promise 3: so long after a process is back, what was accepted is resumed.
RESUMED_SECONDS = 20.0
SETTLED_SECONDS = 45.0
# The sandbox has taken a tap long before this, and goes on without the one who tapped.
_UNANSWERED_SECONDS = 0.5
# Leases and waits in small, for tests in which not the product's own numbers are what is proved.
QUICK = {
    "LEASE_SECONDS": "4",
    "HEARTBEAT_SECONDS": "1",
    "SWEEP_SECONDS": "0.5",
    "RING_FIRST_SECONDS": "1",
    "RING_LONGEST_SECONDS": "2",
}
# Nobody's patience is tested here: a chat takes as many messages as there are.
UNPACED = {"TELEGRAM_SENDS_PER_SECOND": "1000", "TELEGRAM_CHAT_SENDS_PER_SECOND": "1000"}
ROOMY = {"ACTIVE_FREE": "100", "PER_MINUTE_FREE": "1000", "PER_HOUR_FREE": "1000", "FREE_CREDITS": "1000"}


async def eventually(
    look: Callable[[], Awaitable[Found | None]],
    *,
    limit_seconds: float,
    what: str,
    explain: Callable[[], Awaitable[object]] | None = None,
) -> Found:
    """The first true value; what is awaited, and how things stand, when there is none within the limit."""
    end = time.monotonic() + limit_seconds
    while True:
        # A server that the test has taken away is away for the test as well.
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx.TransportError):
            if found := await look():
                return found
        if time.monotonic() > end:
            state = await explain() if explain is not None else ""
            raise AssertionError(f"not within {limit_seconds} s: {what}\n{state}")
        await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation as its row says."""

    id: UUID
    status: str
    stage: str
    fence: int
    lease_owner: UUID | None
    output_count: int
    price_credits: int
    charged_credits: int
    returned_credits: int
    error_code: str | None
    prompt: str

    @property
    def is_open(self) -> bool:
        return self.status in {"PENDING", "PROCESSING"}


_COLUMNS = ", ".join(f"g.{name}" for name in Generation.__slots__)


@dataclass
class World:
    """Telegram and the vendor in one sandbox, and the database behind the app."""

    sandbox: StarbrushProcess
    control: httpx.AsyncClient
    database_url: str
    redis_url: str = ""
    _connection: Any = field(default=None, init=False)

    # ------------------------------------------------------------------------------------------ processes

    async def until_ready(self, *apps: StarbrushProcess, limit_seconds: float = 60.0) -> None:
        """Until they all serve."""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:

            async def ready() -> bool:
                for app in apps:
                    assert app.is_running, f"{app} ended:\n{app.log[-4000:]}"
                    if (await client.get(f"{app.url}/readyz")).status_code != 200:
                        return False
                return True

            await eventually(ready, limit_seconds=limit_seconds, what="the processes are ready")

    async def until_dead(self, app: StarbrushProcess, *, limit_seconds: float = SETTLED_SECONDS) -> int:
        """Until it has ended; its exit status."""

        async def dead() -> bool:
            return not app.is_running

        await eventually(dead, limit_seconds=limit_seconds, what=f"{app} has ended")
        return app.wait_until_dead()

    # --------------------------------------------------------------------------------------------- people

    async def person(self, name: str = "Ann") -> Phone:
        """Somebody who has not written yet."""
        answer = await self.control.post("/users", json={"first_name": name, "language_code": "en"})
        assert answer.status_code == 200, answer.text
        return Phone(self.control, answer.json()["id"])

    async def newcomer(self, name: str = "Ann") -> Phone:
        """Somebody who has started the bot."""
        phone = await self.person(name)
        await phone.ask("/start")
        return phone

    async def order(self, phone: Phone, prompt: str, *, count: int = 1) -> int:
        """Write a prompt and tap the first button, as people do; the id of the card's message.

        The tap's answer is not awaited: the process that was to give it may die of the tap.
        """
        card = await phone.ask(prompt)
        if count > 1:
            await phone.tap(card, f"×{count}")
            card = await phone.look(card) or card
        body = {"message_id": card["message_id"], "data": button_of(card, "Create")["callback_data"]}
        with suppress(httpx.ReadTimeout):
            await self.control.post(f"/users/{phone.id}/callbacks", json=body, timeout=_UNANSWERED_SECONDS)
        return int(card["message_id"])

    async def submit(self, app: StarbrushProcess, phone: Phone, prompt: str, *, count: int = 1) -> UUID:
        """Order through the cabinet's API: one call, no card."""
        async with self.cabinet(app, phone) as client:
            answer = await client.post(
                "/generations",
                json={"kind": "image", "model": "image-standard", "prompt": prompt, "options": {"count": count}},
            )
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    @asynccontextmanager
    async def cabinet(self, app: StarbrushProcess, phone: Phone) -> AsyncIterator[httpx.AsyncClient]:
        """The cabinet's API, signed in as this person."""
        launch = await self.control.get(f"/users/{phone.id}/init_data")
        async with httpx.AsyncClient(
            base_url=f"{app.url}/api/v1",
            headers={"Authorization": f"tma {launch.json()['init_data']}"},
            timeout=30,
            trust_env=False,
        ) as client:
            yield client

    async def submit_pack(
        self, app: StarbrushProcess, phone: Phone, prompt: str = "", *, style: str = "seasons"
    ) -> UUID:
        """Order a photo pack of a new avatar of two photos through the cabinet's API."""
        launch = await self.control.get(f"/users/{phone.id}/init_data")
        headers = {"Authorization": f"tma {launch.json()['init_data']}"}
        async with httpx.AsyncClient(base_url=f"{app.url}/api/v1", headers=headers, timeout=30, trust_env=False) as api:
            files = [picture(120, 160, "green"), picture(160, 120, "blue")]
            uploads = [await api.post("/uploads", files={"file": ("me.jpg", data)}) for data in files]
            ids = [answer.json()["id"] for answer in uploads]
            avatar = (await api.post("/avatars", json={"name": "Me", "inputs": ids})).json()["id"]
            body = {"kind": "pack", "model": "pack-standard", "style": style, "avatar": avatar, "prompt": prompt}
            answer = await api.post("/generations", json=body)
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    async def cancel(self, app: StarbrushProcess, phone: Phone, generation_id: UUID) -> int:
        """Cancel through the cabinet's API; the status of the answer."""
        launch = await self.control.get(f"/users/{phone.id}/init_data")
        headers = {"Authorization": f"tma {launch.json()['init_data']}"}
        async with httpx.AsyncClient(base_url=app.url, timeout=30, trust_env=False) as client:
            return (await client.post(f"/api/v1/generations/{generation_id}/cancel", headers=headers)).status_code

    async def stored(self, generation_id: UUID) -> int:
        """How many outputs there are."""
        return int(await self.value("SELECT count(*) FROM generation_outputs WHERE generation_id = $1", generation_id))

    async def albums(self, phone: Phone) -> list[int]:
        """How many pictures each album or single photo in the chat has, in order."""
        sizes: dict[str, int] = {}
        for message in await phone.said():
            if "photo" in message:
                key = message.get("media_group_id") or str(message["message_id"])
                sizes[key] = sizes.get(key, 0) + 1
        return list(sizes.values())

    async def entries(self, generation_id: UUID) -> list[tuple[str, int, int]]:
        """What the ledger says of a generation: kind, available, held."""
        rows = await self.rows(
            "SELECT kind, delta_available, delta_held FROM ledger_entries WHERE reference_id = $1 ORDER BY id",
            str(generation_id),
        )
        return [tuple(row) for row in rows]

    async def said_after(self, phone: Phone, message_id: int) -> list[Json]:
        """What the bot has said since, and not taken back."""
        return await phone.said(after=message_id)

    async def pictures(self, phone: Phone) -> int:
        """How many pictures are in the chat."""
        return len([message for message in await phone.said() if "photo" in message])

    # -------------------------------------------------------------------------------------------- database

    async def rows(self, statement: str, *arguments: object) -> list[Any]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.database_url, timeout=5)
        return list(await self._connection.fetch(statement, *arguments, timeout=10))

    async def close(self) -> None:
        """Close the connection to the database."""
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close(timeout=5)

    async def value(self, statement: str, *arguments: object) -> Any:
        rows = await self.rows(statement, *arguments)
        return rows[0][0] if rows else None

    async def generations(self, phone: Phone) -> list[Generation]:
        """A person's generations, oldest first."""
        rows = await self.rows(
            f"SELECT {_COLUMNS} FROM generations g JOIN users u ON u.id = g.user_id"
            " WHERE u.telegram_id = $1 ORDER BY g.created_at",
            phone.id,
        )
        return [Generation(**dict(row)) for row in rows]

    async def generation(self, generation_id: UUID) -> Generation:
        rows = await self.rows(f"SELECT {_COLUMNS} FROM generations g WHERE g.id = $1", generation_id)
        return Generation(**dict(rows[0]))

    async def only_generation(self, phone: Phone) -> Generation:
        """The one generation that this person has ever ordered."""
        found = await self.generations(phone)
        assert len(found) == 1, found
        return found[0]

    async def attempts(self, generation_id: UUID) -> list[tuple[int, int, str]]:
        """Output, number and state of every create."""
        rows = await self.rows(
            "SELECT output_index, number, state FROM provider_attempts WHERE generation_id = $1"
            " ORDER BY output_index, number",
            generation_id,
        )
        return [tuple(row) for row in rows]

    async def claims_of_deliveries(self, generation_id: UUID) -> dict[str, int]:
        """How often each kind of delivery was taken to be sent."""
        rows = await self.rows("SELECT kind, fence FROM deliveries WHERE generation_id = $1", generation_id)
        return {row["kind"]: row["fence"] for row in rows}

    async def progress_message(self, generation_id: UUID) -> int | None:
        """The progress message that the app knows of."""
        found: int | None = await self.value("SELECT progress_message_id FROM generations WHERE id = $1", generation_id)
        return found

    # ---------------------------------------------------------------------------------------------- waits

    async def until_open(self, *phones: Phone, of: int = 1, limit_seconds: float = SETTLED_SECONDS) -> None:
        """Until the orders of all these people are accepted."""

        async def accepted() -> bool:
            return all([len(await self.generations(phone)) >= of for phone in phones])

        await eventually(accepted, limit_seconds=limit_seconds, what="every order is accepted")

    async def until_vendor_has(self, creates: int, *, limit_seconds: float = SETTLED_SECONDS) -> None:
        """Until the vendor has taken so many orders."""

        async def taken() -> bool:
            return len(await self.vendor_tasks()) >= creates

        await eventually(taken, limit_seconds=limit_seconds, what=f"the vendor has taken {creates} orders")

    async def until_settled(
        self, *generation_ids: UUID, limit_seconds: float = SETTLED_SECONDS, status: str = "COMPLETED"
    ) -> None:
        """Until all of them have ended, all in the same way."""

        async def settled() -> bool:
            open_ids = await self.rows(
                "SELECT id FROM generations WHERE id = ANY($1) AND status IN ('PENDING', 'PROCESSING')",
                list(generation_ids),
            )
            return not open_ids

        await eventually(
            settled,
            limit_seconds=limit_seconds,
            what=f"{len(generation_ids)} generations are settled",
            explain=lambda: self.story(generation_ids),
        )
        ended = {(await self.generation(one)).status for one in generation_ids}
        assert ended == {status}, await self.story(generation_ids)

    async def until_delivered(self, *generation_ids: UUID, limit_seconds: float = SETTLED_SECONDS) -> None:
        """Until nothing is owed about them any more; a dead letter is a failure."""

        async def delivered() -> bool:
            owed = await self.rows(
                "SELECT id FROM deliveries WHERE generation_id = ANY($1) AND state IN ('OWED', 'SENDING')",
                list(generation_ids),
            )
            return not owed

        await eventually(
            delivered,
            limit_seconds=limit_seconds,
            what=f"what is owed about {len(generation_ids)} generations is delivered",
            explain=lambda: self.story(generation_ids),
        )
        dead = await self.rows(
            "SELECT kind, error FROM deliveries WHERE generation_id = ANY($1) AND (state = 'DEAD' OR"
            " (kind IN ('result', 'receipt', 'outcome') AND state <> 'SENT'))",
            list(generation_ids),
        )
        assert not dead, dead

    async def story(self, generation_ids: Sequence[UUID]) -> str:
        """Everything that is known of the generations that are not at their end, for a failure's message."""
        parts = []
        for table, key in (
            ("generations", "id"),
            ("provider_attempts", "generation_id"),
            ("deliveries", "generation_id"),
        ):
            rows = await self.rows(
                f"SELECT t.* FROM {table} t WHERE t.{key} = ANY($1) AND EXISTS (SELECT 1 FROM generations g WHERE"
                f" g.id = t.{key} AND (g.status <> 'COMPLETED' OR EXISTS (SELECT 1 FROM deliveries d WHERE"
                " d.generation_id = g.id AND d.state NOT IN ('SENT', 'SKIPPED')))) LIMIT 20",
                list(generation_ids),
            )
            parts += [f"{table}: {dict(row)}" for row in rows]
        parts += [f"processes: {dict(row)}" for row in await self.rows("SELECT *, now() AS now FROM processes")]
        return "\n".join(parts)

    # --------------------------------------------------------------------------------------------- vendor

    async def vendor_tasks(self) -> list[Json]:
        """Everything that the vendor has taken, in both shapes."""
        answer = await self.control.get("/vendor")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["tasks"])

    async def creates(self, generation_id: UUID) -> list[str]:
        """The references under which the vendor has taken orders of a generation."""
        return [
            task["reference"] for task in await self.vendor_tasks() if task["reference"].startswith(f"{generation_id}/")
        ]

    async def fault(self, method: str, kind: str, *, times: int | None = 1, retry_after: int = 1) -> None:
        body = {"method": method, "kind": kind, "times": times, "retry_after": retry_after}
        answer = await self.control.post("/faults", json=body)
        assert answer.status_code == 200, answer.text

    async def clear_faults(self) -> None:
        assert (await self.control.delete("/faults")).status_code == 200

    # --------------------------------------------------------------------------------------------- proofs

    async def prove_money(self, generation_id: UUID) -> None:
        """One hold, one settling entry, charged once and in full."""
        generation = await self.generation(generation_id)
        rows = await self.rows(
            "SELECT kind, delta_available, delta_held FROM ledger_entries WHERE reference_id = $1 ORDER BY id",
            str(generation_id),
        )
        price = generation.price_credits
        assert [tuple(row) for row in rows] == [("HOLD", -price, price), ("CAPTURE", 0, -price)], generation
        assert (generation.charged_credits, generation.returned_credits) == (price, 0)
        events = await self.rows(
            "SELECT new_status FROM generation_events WHERE generation_id = $1 ORDER BY id", generation_id
        )
        assert [row[0] for row in events] == ["PENDING", "PROCESSING", "COMPLETED"]
        outputs = await self.value(
            "SELECT count(DISTINCT output_index) FROM generation_outputs WHERE generation_id = $1", generation_id
        )
        assert outputs == generation.output_count

    async def prove_books(self) -> None:
        """The books of everybody here are without a breach; what `starbrush reconcile` does, without its start."""
        db = Database(asyncpg_url(self.database_url), pool_size=1)
        try:
            async with db.read() as reader:
                breaches = await books.prove(reader, await books.list_users(reader, after_id=0))
        finally:
            await db.close()
        assert breaches == []

    async def balance(self, phone: Phone) -> tuple[int, int, int]:
        """Available, held and the number of active generations."""
        rows = await self.rows("SELECT credits, held, active_generations FROM users WHERE telegram_id = $1", phone.id)
        return (rows[0][0], rows[0][1], rows[0][2])


@asynccontextmanager
async def world_of(sandbox: StarbrushProcess, database_url: str, redis_url: str = "") -> AsyncIterator[World]:
    """A world around a sandbox; its connections end with the block."""
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/sandbox/api", timeout=30, trust_env=False) as control:
        world = World(sandbox, control, database_url, redis_url)
        try:
            yield world
        finally:
            await world.close()


def reconcile(environment: Mapping[str, str]) -> None:
    """`starbrush reconcile` finds no breach, given the settings of an app."""
    done = run_starbrush("reconcile", "--json", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["breaches"] == []
