"""A whole process under load: generations from webhook to delivered, its latency when idle, its memory."""

import asyncio
import itertools
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from app.domain.actors import Actor
from app.sandbox.processes import free_port
from tests.harness import WEBHOOK_SECRET
from tests.load.rig import Measured, Rig, cpu_seconds, enter_users, memory_megabytes, open_container, wait_for

USERS = 400
_GENERATIONS = 1_200
_WARM_UP = 120
_CONNECTIONS = 40
_IDLE_SAMPLES = 60
_PARKED = 500
_FIRST_ID = 810_000_000
_updates = itertools.count(900_000_000)


@dataclass(frozen=True, slots=True)
class ThroughputFigures:
    """What one process did. Processor times are milliseconds a generation."""

    per_second: float
    cpu_by_process: dict[str, float]
    cpu_by_stage: dict[str, float]
    idle_p50_milliseconds: float
    idle_megabytes: float
    parked_megabytes: float


async def measure(rig: Rig) -> ThroughputFigures:
    """Start the stub and a profiled process, and drive it."""
    stub_port, app_port = free_port(), free_port()
    stub = Measured(
        "stub", (sys.executable, "-m", "tests.load.stub"), port=stub_port, path="/counts", env={}, home=rig.home
    )
    profile = rig.home / "profile.json"
    environment = {
        **rig.environment,
        "PUBLIC_URL": f"http://127.0.0.1:{app_port}",
        "TELEGRAM_API_URL": f"http://127.0.0.1:{stub_port}",
        "DEMO_BASE_URL": f"http://127.0.0.1:{stub_port}/vendor",
        "TELEGRAM_SENDS_PER_SECOND": "100000",
        "TELEGRAM_CHAT_SENDS_PER_SECOND": "1000",
        "PROFILE_PATH": str(profile),
    }
    app = Measured(
        "app",
        (sys.executable, "-m", "tests.load.profiled"),
        port=app_port,
        path="/readyz",
        env=environment,
        home=rig.home,
    )
    try:
        drive = _Drive(rig, app, stub, profile)
        return await drive.run()
    finally:
        app.stop()
        stub.stop()


class _Drive:
    def __init__(self, rig: Rig, app: Measured, stub: Measured, profile: Path) -> None:
        self._rig = rig
        self._app = app
        self._stub = stub
        self._profile = profile

    async def run(self) -> ThroughputFigures:
        limits = httpx.Limits(max_connections=_CONNECTIONS)
        async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as self._http:
            async with open_container(self._rig) as container:
                users = await enter_users(container, USERS, balance=900_000, first_id=_FIRST_ID)
                for user_id in users:
                    await container.services.users.set_quick_mode(Actor.user(user_id), enabled=True)
            await asyncio.sleep(2)
            idle_megabytes = memory_megabytes(self._app.pid)
            idle = await self._idle_latency()
            await self._deliver(_WARM_UP)
            self._dump()
            before = self._cpu()
            elapsed = await self._deliver(_GENERATIONS)
            after = self._cpu()
            stages = self._dump()
            by_process = {name: (after[name] - before[name]) * 1000 / _GENERATIONS for name in after}
            total = sum(stages.values())
            by_stage = {name: by_process["app"] * count / total for name, count in stages.items()}
            await self._park()
            return ThroughputFigures(
                per_second=_GENERATIONS / elapsed,
                cpu_by_process=by_process,
                cpu_by_stage=by_stage,
                idle_p50_milliseconds=idle * 1000,
                idle_megabytes=idle_megabytes,
                parked_megabytes=memory_megabytes(self._app.pid),
            )

    async def _idle_latency(self) -> float:
        """The median from commit to the claim that calls the provider, one generation at a time."""
        for number in range(_IDLE_SAMPLES):
            await self._deliver(1, first=number)
        async with open_container(self._rig) as container, container.db.read() as reader:
            return float(await reader.scalar(_LATENCY))

    async def _deliver(self, count: int, *, first: int = 0) -> float:
        """Send prompts as Telegram would, and wait until their pictures were sent; returns the seconds."""
        target = await self._photos() + count
        began_at = time.perf_counter()
        await self._send(count, "[now] a red kite", first=first)

        async def arrived() -> bool:
            return await self._photos() >= target

        await wait_for(arrived, seconds=300, every=0.02)
        return time.perf_counter() - began_at

    async def _park(self) -> None:
        """Have many generations wait at a slow provider."""
        target = (await self._counts())["creates"] + _PARKED
        await self._send(_PARKED, "[task] a red kite")

        async def taken() -> bool:
            return bool((await self._counts())["creates"] >= target)

        await wait_for(taken, seconds=120)
        # A few rounds of polls, so that what they need is in the figure.
        await asyncio.sleep(10)

    async def _send(self, count: int, words: str, *, first: int = 0) -> None:
        """Updates over as many connections as Telegram opens."""
        slots = asyncio.Semaphore(_CONNECTIONS)

        async def send(number: int) -> None:
            async with slots:
                response = await self._http.post(
                    f"http://127.0.0.1:{self._app.port}/telegram/webhook",
                    json=_update(_FIRST_ID + (first + number) % USERS, words),
                    headers={"X-Telegram-Bot-Api-Secret-Token": WEBHOOK_SECRET},
                )
                assert response.status_code == 200, response.text

        await asyncio.gather(*(send(number) for number in range(count)))

    async def _photos(self) -> int:
        return int((await self._counts())["photos"])

    async def _counts(self) -> dict[str, Any]:
        response = await self._http.get(f"http://127.0.0.1:{self._stub.port}/counts")
        counts: dict[str, Any] = response.json()
        return counts

    def _cpu(self) -> dict[str, float]:
        return {
            "app": cpu_seconds(self._app.pid),
            "PostgreSQL": cpu_seconds(self._rig.postgres.pid),
            "Valkey": cpu_seconds(self._rig.redis.pid),
            "S3": cpu_seconds(self._rig.s3.pid),
            "Telegram and vendor (stub)": cpu_seconds(self._stub.pid),
        }

    def _dump(self) -> dict[str, int]:
        self._profile.unlink(missing_ok=True)
        os.kill(self._app.pid, signal.SIGUSR1)
        stop_at = time.perf_counter() + 10
        while not self._profile.exists():
            assert time.perf_counter() < stop_at, "the process wrote no profile"
            time.sleep(0.05)
        samples: dict[str, int] = json.loads(self._profile.read_text() or "{}")
        return samples


_LATENCY = text(
    """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.intended_at - g.accepted_at))
    FROM generations g JOIN provider_attempts a ON a.generation_id = g.id
    """
)


def _update(telegram_id: int, words: str) -> dict[str, Any]:
    number = next(_updates)
    person = {"id": telegram_id, "is_bot": False, "first_name": "Load", "language_code": "en"}
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "date": 1_800_000_000,
            "chat": {"id": telegram_id, "type": "private", "first_name": "Load"},
            "from": person,
            "text": words,
        },
    }
