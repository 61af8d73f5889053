"""/web: a neutral link for an outside browser; what is paid there is told in the chat."""

import re
from typing import Any

import httpx
import pytest

from app.container import Container
from app.domain.actors import Actor
from app.settings import Settings
from tests.bot.conftest import NewPhone
from tests.bot.phone import words_of
from tests.harness import CARD_TERMINALS
from tests.sandbox.rig import Sandbox

CARDS = re.compile(r"card|карт|karta|t-?bank|т-?банк|₽|руб|оплат|toʻlov", re.IGNORECASE)
# A card is also what shows a prompt before it is made.
VENDOR = re.compile(r"t-?bank|т-?банк|₽|руб|visa|mastercard", re.IGNORECASE)


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    given: dict[str, Any] = {name.lower(): value for name, value in CARD_TERMINALS.items()}
    cards = {"cards_enabled": True, "tbank_base_url": f"{sandbox.url}/tbank"}
    return Settings(_env_file=None, **(settings.model_dump() | given | cards))


def token_of(message: dict[str, Any], settings: Settings) -> str:
    found = re.search(re.escape(settings.public_url) + r"/web\?auth=(\w+)\b", words_of(message))
    assert found, words_of(message)
    return found[1]


@pytest.mark.parametrize("language", ["ru", "en", "uz"])
async def test_a_link_is_given_without_a_word_of_cards(new_phone: NewPhone, settings: Settings, language: str) -> None:
    phone = await new_phone(language=language)
    said = await phone.ask("/web")
    assert not CARDS.search(words_of(said).replace(token_of(said, settings), ""))
    for command in ("/start", "/help", "/buy", "/balance"):
        assert not VENDOR.search(words_of(await phone.ask(command))), command


async def test_each_link_is_of_its_own(new_phone: NewPhone, settings: Settings) -> None:
    phone = await new_phone()
    tokens = {token_of(await phone.ask("/web"), settings) for _ in range(3)}
    assert len(tokens) == 3


async def test_banned_users_get_no_link(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    await container.services.users.ban(Actor.operator("tests"), phone.id, reason="a test")
    assert "/web?auth" not in words_of(await phone.ask("/web"))


async def test_links_have_an_end(new_phone: NewPhone) -> None:
    phone = await new_phone()
    said = [words_of(await phone.ask("/web")) for _ in range(21)]
    assert ["/web?auth" in text for text in said] == [True] * 20 + [False]


async def test_what_is_paid_in_the_browser_is_told_in_the_chat(
    new_phone: NewPhone, working: Container, settings: Settings, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    said = await phone.ask("/web")
    async with httpx.AsyncClient(base_url=settings.public_url, trust_env=False, follow_redirects=False) as visitor:
        await visitor.post("/web", data={"auth": token_of(said, settings)})
        placed = await visitor.post("/web/orders", data={"product": "pack-starter"})
        assert placed.status_code == 303
    user = await working.services.users.get_by_telegram_id(phone.id)
    (order,) = (await working.services.orders.list_own(Actor.user(user.id))).items
    paid = await sandbox.control.post("/tbank/pay", json={"link": order.link, "notify": "twice"})
    assert paid.json()["status"] == "CONFIRMED"
    told = await phone.find("100 💎", after=said["message_id"])
    assert "You have got 100" in words_of(told)
    assert "120 💎" in words_of(await phone.ask("/balance"))
    assert (await phone.said(after=said["message_id"]))[0]["message_id"] == told["message_id"], "told once"
