"""Fixtures of the sandbox's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.sandbox.config import SandboxConfig
from tests.harness import ADMIN_ID, ALERT_CHAT_ID, BOT_TOKEN, BOT_USERNAME
from tests.sandbox.rig import BotServer, Sandbox, serve, serve_bot


def configure(data_dir: Path) -> SandboxConfig:
    return SandboxConfig(
        port=0,
        data_dir=data_dir,
        bot_token=BOT_TOKEN,
        bot_username=BOT_USERNAME,
        alert_chat_id=ALERT_CHAT_ID,
        admin_ids=(ADMIN_ID,),
    )


@pytest.fixture
def sandbox_config(tmp_path: Path) -> SandboxConfig:
    """For a sandbox of this test alone."""
    return configure(tmp_path / "sandbox")


@pytest.fixture(scope="session")
async def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with serve(configure(tmp_path_factory.mktemp("sandbox"))) as running:
        yield running


@pytest.fixture
async def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """A sandbox served in this process, emptied and without a webhook; its clock may be ahead."""
    await shared_sandbox.control.post("/reset")
    await shared_sandbox.bot.delete_webhook()
    shared_sandbox.world.updates.allow([])
    return shared_sandbox


@pytest.fixture
async def bot_server() -> AsyncIterator[BotServer]:
    """A scripted webhook that is not set yet."""
    async with serve_bot() as server:
        yield server
