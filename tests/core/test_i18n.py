"""Messages are formatted by the rules of their language, and whatever is wrong with one never reaches the user."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.core.i18n import LANGUAGES, Translator, choose_language

CATALOGUES = {
    "en": """
greeting = Hello
with-name = Hello, { $name }!
images = { $count ->
    [one] { $count } image
   *[other] { $count } images
}
english-only = Only here
broken = This needs { $missing }
value = { $value }
chosen = { $on ->
    [true] on
   *[other] off
}
only-attribute =
    .label = x
""",
    "ru": """
greeting = Привет
with-name = Привет, { $name }!
images = { $count ->
    [one] { $count } картинка
    [few] { $count } картинки
   *[many] { $count } картинок
}
broken = Тут нужно { $missing }
broken-here = { no-such-message }
value = { $value }
unreadable = { $oops
""",
    "uz": "greeting = Salom\n",
}


@pytest.fixture
def translator(tmp_path: Path) -> Translator:
    for language, text in CATALOGUES.items():
        (tmp_path / language).mkdir()
        (tmp_path / language / "bot.ftl").write_text(text)
    (tmp_path / "en" / "more.ftl").write_text("broken-here = Mended\nunreadable = Readable\n")
    return Translator(tmp_path)


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("ru", "ru"),
        ("ru-RU", "ru"),
        ("RU", "ru"),
        ("uz", "uz"),
        ("uz_Latn", "uz"),
        ("en-GB", "en"),
        ("uk", "ru"),
        ("be", "ru"),
        ("kk", "ru"),
        ("ky-KG", "ru"),
        ("tg", "ru"),
        ("de", "en"),
        ("pt-br", "en"),
        ("run", "en"),
        ("", "en"),
        ("-", "en"),
        (None, "en"),
    ],
)
def test_the_first_language_follows_telegrams(code: str | None, language: str) -> None:
    assert choose_language(code) == language
    assert language in LANGUAGES


def test_a_message_is_in_the_language_asked_for(translator: Translator) -> None:
    assert [translator.translate(language, "greeting") for language in LANGUAGES] == ["Привет", "Hello", "Salom"]
    assert [translator.translate(language, "greeting") for language in LANGUAGES] == ["Привет", "Hello", "Salom"]


def test_parameters_stand_in_without_invisible_marks(translator: Translator) -> None:
    assert translator.translate("ru", "with-name", name="Анна") == "Привет, Анна!"
    assert translator.translate("ru", "with-name", name="Пётр") == "Привет, Пётр!"


@pytest.mark.parametrize(
    ("language", "count", "text"),
    [
        ("ru", 1, "1 картинка"),
        ("ru", 3, "3 картинки"),
        ("ru", 11, "11 картинок"),
        ("ru", 21, "21 картинка"),
        ("en", 1, "1 image"),
        ("en", 1500, "1,500 images"),
    ],
)
def test_numbers_follow_the_plural_rules(translator: Translator, language: str, count: int, text: str) -> None:
    assert translator.translate(language, "images", count=count) == text


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Colour.RED, "red"),
        (None, ""),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (["a"], "['a']"),
        (date(2026, 3, 1), "Mar 1, 2026"),
    ],
)
def test_every_sort_of_value_can_be_shown(translator: Translator, value: object, text: str) -> None:
    assert translator.translate("en", "value", value=value) == text


def test_truth_can_be_asked_for(translator: Translator) -> None:
    assert translator.translate("en", "chosen", on=True) == "on"
    assert translator.translate("en", "chosen", on=False) == "off"


@pytest.mark.parametrize(
    ("language", "key", "text"),
    [
        ("uz", "english-only", "Only here"),
        ("ru", "broken-here", "Mended"),
        ("ru", "unreadable", "Readable"),
        ("de", "greeting", "Hello"),
        ("ru", "broken", "broken"),
        ("ru", "no-such-key", "no-such-key"),
        ("en", "only-attribute", "only-attribute"),
    ],
)
def test_english_and_then_the_key_stand_in_and_the_fault_is_logged(
    translator: Translator, language: str, key: str, text: str
) -> None:
    with capture_logs() as logs:
        assert translator.translate(language, key) == text
    assert [line["key"] for line in logs] == [key] * len(logs)
    assert logs


def test_a_stand_in_is_not_remembered_as_the_message(translator: Translator) -> None:
    for _ in range(2):
        with capture_logs() as logs:
            translator.translate("uz", "english-only")
        assert len(logs) == 1


def test_a_number_that_cannot_be_shown_raises_nothing(translator: Translator) -> None:
    assert translator.translate("en", "images", count=float("nan"))
    assert translator.translate("en", "images", count=float("inf"))


def test_an_unreadable_entry_is_reported_when_it_is_loaded(tmp_path: Path) -> None:
    for language in LANGUAGES:
        (tmp_path / language).mkdir()
    (tmp_path / "ru" / "bot.ftl").write_text("bad { = x\n")
    with capture_logs() as logs:
        Translator(tmp_path)
    assert [line["event"] for line in logs] == ["message_unreadable"]
