"""The product as real processes, driven from the chat alone."""

import io
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from PIL import Image

from tests.bot.phone import Json, Phone, button_of, until, words_of
from tests.harness import StarbrushProcess


@pytest.fixture
def sandbox(sandbox_process: Callable[..., StarbrushProcess]) -> StarbrushProcess:
    return sandbox_process()


@pytest.fixture
def app(sandbox: StarbrushProcess, app_process: Callable[..., StarbrushProcess]) -> StarbrushProcess:
    return app_process(sandbox)


@pytest.fixture
async def phone(sandbox: StarbrushProcess, app: StarbrushProcess) -> AsyncIterator[Phone]:
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/sandbox/api", timeout=30, trust_env=False) as control:
        answer = await control.post("/users", json={"first_name": "Ann", "language_code": "en"})
        yield Phone(control, answer.json()["id"])


async def picture(phone: Phone, message: Json) -> Image.Image:
    answer = await phone.control.get(f"/files/{message['photo'][-1]['file_id']}")
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


async def test_a_prompt_in_the_chat_becomes_a_picture(phone: Phone) -> None:
    assert "20 💎" in words_of(await phone.ask("/start"))
    card = await phone.ask("a red kite over the sea")
    assert await phone.tap(card, "16:9") is not None
    card = await phone.look(card) or {}
    assert "✓16:9" in [button["text"] for row in card["reply_markup"]["inline_keyboard"] for button in row]
    assert (await phone.tap(card, "Create") or {})["text"] == "🚀 Started"
    result = await phone.find("Held 4 💎 · charged 4 💎 · returned 0 💎")
    drawn = await picture(phone, result)
    assert abs(drawn.width / drawn.height - 16 / 9) < 0.02
    assert "Balance: 16 💎" in words_of(result)

    async def without_progress() -> bool:
        return not [message for message in await phone.said() if "In the queue" in words_of(message)]

    await until(without_progress)
    statement = words_of(await phone.ask("/balance"))
    entries = [statement.index(entry) for entry in ("4 💎 Charged", "\N{MINUS SIGN}4 💎 Set aside", "+20 💎 Gift")]
    assert entries == sorted(entries)
    assert button_of(result, "Again")["text"] == "🔁 Again · 4 💎"


async def test_a_restart_in_mid_dialogue_changes_nothing(phone: Phone, app: StarbrushProcess) -> None:
    await phone.ask("/start")
    card = await phone.ask("a lighthouse")
    app.restart()
    await phone.tap(card, "×2")
    card = await phone.look(card) or {}
    assert button_of(card, "Create")["text"] == "▶️ Create · 8 💎"
    app.restart()
    await phone.tap(card, "Create")
    receipt = await phone.find("Held 8 💎 · charged 8 💎")
    assert button_of(receipt, "Originals")
