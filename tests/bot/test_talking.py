"""What the bot says to whom, in which language."""

from tests.bot.conftest import NewPhone
from tests.bot.phone import button_of, words_of


async def test_start_greets_in_the_users_language_and_grants_once(new_phone: NewPhone) -> None:
    phone = await new_phone(language="uk", started=False)
    first = await phone.ask("/start")
    assert "Здравствуйте" in words_of(first)
    assert "дарю вам 20 💎" in words_of(first)
    second = await phone.ask("/start")
    assert "Ваш баланс: 20 💎" in words_of(second)


async def test_text_becomes_a_card(new_phone: NewPhone) -> None:
    phone = await new_phone()
    card = await phone.ask("a red kite")
    assert "a red kite" in words_of(card)
    assert button_of(card, "Create")["text"] == "▶️ Create · 4 💎"
