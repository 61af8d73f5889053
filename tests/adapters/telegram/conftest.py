"""The messenger in front of a sandbox served in this process; the storage is a dictionary."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from app.adapters.telegram.client import create_bot
from app.adapters.telegram.messenger import TelegramMessenger
from app.adapters.telegram.rendering import Renderer
from app.adapters.telegram.sender import PacedSender
from app.core.i18n import Translator
from app.domain.ports import ObjectMissing
from app.sandbox.config import SandboxConfig
from tests.harness import ADMIN_ID, ALERT_CHAT_ID, BOT_TOKEN, BOT_USERNAME
from tests.sandbox.rig import Sandbox, serve

LOCALES = Path(__file__).resolve().parents[3] / "app" / "locales"


class MemoryStorage:
    """The Storage port over a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads: list[str] = []

    async def put(self, key: str, data: bytes, **_: str) -> None:
        self.objects[key] = data

    async def get(self, key: str) -> bytes:
        self.reads.append(key)
        if key not in self.objects:
            raise ObjectMissing(key)
        return self.objects[key]

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    async def list_keys(self, prefix: str) -> Sequence[str]:
        return [key for key in self.objects if key.startswith(prefix)]

    async def link(self, key: str, *, expires_seconds: int, filename: str | None = None) -> str:
        return f"https://files.example/{key}?expires={expires_seconds}&name={filename}"

    async def check(self) -> None:
        """Always there."""


@pytest.fixture(scope="session")
async def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    config = SandboxConfig(
        port=0,
        data_dir=tmp_path_factory.mktemp("sandbox"),
        bot_token=BOT_TOKEN,
        bot_username=BOT_USERNAME,
        alert_chat_id=ALERT_CHAT_ID,
        admin_ids=(ADMIN_ID,),
    )
    async with serve(config) as running:
        yield running


@pytest.fixture
async def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    await shared_sandbox.control.post("/reset")
    await shared_sandbox.control.delete("/faults")
    return shared_sandbox


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
async def messenger(sandbox: Sandbox, storage: MemoryStorage) -> AsyncIterator[TelegramMessenger]:
    bot = create_bot(BOT_TOKEN, api_url=sandbox.url)
    sender = PacedSender(per_second=1_000, chat_per_second=1_000)
    yield TelegramMessenger(bot, Renderer(Translator(LOCALES)), sender, storage, link_seconds=3_600)
    await bot.session.close()
