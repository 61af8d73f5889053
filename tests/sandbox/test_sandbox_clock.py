"""The clock: Telegram's and the product's go forward together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg

from app.sandbox.config import SandboxConfig
from tests.harness import asyncpg_url
from tests.sandbox.rig import Sandbox, serve


async def product_now(database_url: str) -> datetime:
    connection = await asyncpg.connect(database_url)
    try:
        now: datetime = await connection.fetchval("SELECT clock_now()")
        return now
    finally:
        await connection.close()


async def advance(sandbox: Sandbox, seconds: float) -> datetime:
    answer = await sandbox.control.post("/clock", json={"advance_seconds": seconds})
    assert answer.status_code == 200, answer.text
    return datetime.fromisoformat(answer.json()["now"])


async def test_the_products_clock_follows_and_a_restart_changes_nothing(
    sandbox_config: SandboxConfig, database_url: str
) -> None:
    # With the name of SQLAlchemy's driver in it, as the product's own setting may have.
    config = replace(sandbox_config, database_url=asyncpg_url(database_url))
    async with serve(config) as sandbox:
        await advance(sandbox, 3600)
        now = await advance(sandbox, 0.5)
        assert abs(now - (datetime.now(UTC) + timedelta(seconds=3600.5))) < timedelta(seconds=5)
        assert abs(await product_now(database_url) - now) < timedelta(seconds=5)
    async with serve(config) as sandbox:
        user_id = await sandbox.user()
        sent = await sandbox.bot.send_message(user_id, "late")
        assert abs(sent.date - await product_now(database_url)) < timedelta(seconds=5)
        assert abs(await advance(sandbox, 0) - now) < timedelta(seconds=60)


async def test_a_clock_that_the_product_did_not_take_stays_where_it_was(sandbox_config: SandboxConfig) -> None:
    config = replace(sandbox_config, database_url="postgresql://nobody@127.0.0.1:9/none")
    async with serve(config) as sandbox:
        answer = await sandbox.control.post("/clock", json={"advance_seconds": 60})
        assert answer.status_code == 503
        assert "error" in answer.json()
        assert sandbox.world.clock.offset_seconds == 0


async def test_without_a_database_the_clock_is_the_sandboxs_own(sandbox_config: SandboxConfig) -> None:
    async with serve(sandbox_config) as sandbox:
        now = await advance(sandbox, 86_400)
        assert abs(now - (datetime.now(UTC) + timedelta(days=1))) < timedelta(seconds=5)
