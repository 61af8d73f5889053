"""What the bot says to whom, in which language."""

import pytest

from app.container import Container
from app.core.i18n import LANGUAGES
from app.core.ids import new_id, shorten
from tests.bot.conftest import NewPhone
from tests.bot.phone import button_of, words_of
from tests.sandbox.rig import Sandbox


async def test_start_greets_in_the_users_language_and_grants_once(new_phone: NewPhone) -> None:
    phone = await new_phone(language="uk", started=False)
    assert "дарю вам 20 💎" in words_of(await phone.ask("/start"))
    assert "Ваш баланс: 20 💎" in words_of(await phone.ask("/start"))


@pytest.mark.parametrize("payload", ["ref_abc", "promo_HELLO", "gift_abc", "gen_abc", "x" * 64, "gen_", "' OR 1=1"])
async def test_links_that_lead_nowhere_greet_all_the_same(new_phone: NewPhone, payload: str) -> None:
    phone = await new_phone(started=False)
    assert "Hi, Ann" in words_of(await phone.ask(f"/start {payload}"))


async def test_a_link_to_somebody_elses_generation_shows_nothing(new_phone: NewPhone) -> None:
    phone = await new_phone()
    said = await phone.ask(f"/start gen_{shorten(new_id())}")
    assert words_of(said) == "There is nothing like this in your history."


async def test_who_comes_by_somebody_elses_link_is_greeted_with_the_gift(new_phone: NewPhone) -> None:
    phone = await new_phone(started=False)
    said = words_of(await phone.ask(f"/start gen_{shorten(new_id())}"))
    assert "Hi, Ann" in said
    assert "20 💎" in said


async def test_a_chosen_language_is_spoken_at_once_and_from_then_on(new_phone: NewPhone, sandbox: Sandbox) -> None:
    phone = await new_phone(language="en")
    offer = await phone.ask("/language")
    await phone.tap(offer, "Русский")
    offer = await phone.look(offer) or {}
    assert "говорим по-русски" in words_of(offer)
    assert button_of(offer, "✓")["text"] == "✓ 🇷🇺 Русский"
    assert "Команды" in words_of(await phone.ask("/help"))
    commands = (await sandbox.control.get(f"/users/{phone.id}/commands")).json()["commands"]
    assert {"command": "balance", "description": "Баланс и выписка"} in commands


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("command", ["help", "paysupport", "terms", "privacy"])
async def test_pages_that_telegram_demands_are_there(new_phone: NewPhone, command: str, language: str) -> None:
    phone = await new_phone(language=language)
    assert len(words_of(await phone.ask(f"/{command}"))) > 200


async def test_a_request_for_help_with_payments_reaches_the_operator(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    assert str(phone.id) in words_of(await phone.ask("/paysupport I was <b>charged</b> twice"))
    operator = type(phone)(sandbox.control, working.settings.alert_chat_id or 0)
    alert = await operator.find("asks for help with payments")
    assert "I was <b>charged</b> twice" in words_of(alert)
    assert str(phone.id) in words_of(alert)


async def test_the_balance_tells_every_entry(new_phone: NewPhone) -> None:
    phone = await new_phone()
    said = words_of(await phone.ask("/balance"))
    assert "Available: 20 💎" in said
    assert "+20 💎 Gift" in said


async def test_an_empty_history_says_what_to_do(new_phone: NewPhone) -> None:
    phone = await new_phone()
    assert "Nothing here yet" in words_of(await phone.ask("/history"))


async def test_cancel_with_nothing_to_cancel_says_so(new_phone: NewPhone) -> None:
    phone = await new_phone()
    assert words_of(await phone.ask("/cancel")) == "Nothing is being made for you right now."


async def test_what_cannot_be_understood_is_answered_kindly(new_phone: NewPhone) -> None:
    phone = await new_phone()
    assert "/help" in words_of(await phone.ask("/imagine a cat"))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_text_that_is_too_long_is_refused_with_its_length(new_phone: NewPhone, language: str) -> None:
    phone = await new_phone(language=language)
    said = words_of(await phone.ask("й" * 2_001))
    assert "2 001" in said.replace("\N{NO-BREAK SPACE}", " ").replace("2,001", "2 001").replace("2.001", "2 001")
