"""The product as real processes, driven from the chat alone."""

import io
import json
from collections.abc import AsyncIterator, Callable

import asyncpg
import httpx
import pytest
from PIL import Image

from tests.bot.phone import Json, Phone, button_of, until, words_of
from tests.harness import StarbrushProcess, run_starbrush


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


async def test_an_update_that_failed_reaches_the_chat_when_the_operator_replays_it(
    phone: Phone, app: StarbrushProcess, database_url: str
) -> None:
    await phone.ask("/start")
    updates = (await phone.control.get("/updates")).json()
    # Its 200 may still be on its way.
    found = [entry["update"] for entry in updates["pending"] + updates["delivered"]]
    [update] = [one for one in found if one.get("message", {}).get("text") == "/start"]
    update["message"]["text"] = "a lighthouse in a storm"
    connection = await asyncpg.connect(database_url)
    store = (
        "INSERT INTO inbox (source, body_hash, body, state, attempts, error)"
        " VALUES ('telegram', $1, $2, 'FAILED', 1, $3)"
    )
    await connection.execute(store, b"mended", json.dumps(update), "KeyError: a bug")
    await connection.execute(store, b"broken", json.dumps({"message": "none"}), "KeyError: another")
    broken, mended = json.loads(run_starbrush("inbox", "list", "--json", env=app.env).stdout)
    assert (broken["error"], mended["error"]) == ("KeyError: another", "KeyError: a bug")

    done = run_starbrush("inbox", "replay", str(mended["id"]), "--reason", "mended", env=app.env)
    assert done.returncode == 0, done.stderr
    card = await phone.find("a lighthouse in a storm")
    assert button_of(card, "Create")
    failed = run_starbrush("inbox", "replay", str(broken["id"]), "--reason", "a try", env=app.env)
    assert (failed.returncode, "It failed again" in failed.stderr) == (1, True)
    states = await connection.fetch("SELECT state FROM inbox ORDER BY id")
    assert [row["state"] for row in states] == ["HANDLED", "FAILED"]
    assert [item["id"] for item in json.loads(run_starbrush("inbox", "list", "--json", env=app.env).stdout)] == [
        broken["id"]
    ]
    await connection.close()
