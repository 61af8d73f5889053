"""The three catalogues say the same things, really translated, and the program says nothing that they do not know."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from fluent.syntax.visitor import Visitor

from app.core.errors import AppError, message_key
from app.core.i18n import FALLBACK_LANGUAGE, LANGUAGES, Translator
from app.domain import errors

APP = Path(__file__).resolve().parents[2] / "app"
LOCALES = APP / "locales"

# Brand words, signs and numbers, which read alike in every language.
SAME_EVERYWHERE = frozenset({"button-style"})
# The methods that take a message's key, and the place of the key among their arguments.
TRANSLATING = {"translate": 1, "html": 0, "plain": 0, "say": 0, "answer": 0}
# No other names in the program begin like these.
FAMILIES = ("alert-", "button-", "command-", "error-", "failure-", "money-", "toast-")
KEY = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")
KEY_START = re.compile(r"(?:[a-z]+-)+")


class Variables(Visitor):
    """Collects the variables of a message."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ftl.VariableReference) -> None:  # noqa: N802 - Fluent's own name
        self.names.add(node.id.name)


class Message(NamedTuple):
    text: str
    variables: frozenset[str]


def read(language: str) -> dict[str, Message]:
    found: dict[str, Message] = {}
    for file in sorted((LOCALES / language).glob("*.ftl")):
        source = file.read_text(encoding="utf-8")
        for entry in FluentParser().parse(source).body:
            assert not isinstance(entry, ftl.Junk), f"{file.name}: {entry.content}"
            if not isinstance(entry, ftl.Message):
                continue
            assert entry.id.name not in found, f"{entry.id.name} is written twice in {language}"
            assert entry.value is not None
            assert entry.value.span is not None
            variables = Variables()
            variables.visit(entry)
            text = source[entry.value.span.start : entry.value.span.end]
            found[entry.id.name] = Message(" ".join(text.split()), frozenset(variables.names))
    return found


CATALOGUES = {language: read(language) for language in LANGUAGES}
ENGLISH = CATALOGUES[FALLBACK_LANGUAGE]
OTHERS = [language for language in LANGUAGES if language != FALLBACK_LANGUAGE]


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(APP.rglob("*.py")):
        if "sandbox" not in path.relative_to(APP).parts:
            yield path.relative_to(APP), ast.parse(path.read_text(encoding="utf-8"))


def texts() -> Iterator[tuple[Path, str]]:
    """Every string in the program, the constant parts of f-strings among them."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path, node.value


def calls() -> Iterator[tuple[Path, str, ast.Call]]:
    """Every call that asks for a message by a key written there."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            place = TRANSLATING.get(node.func.attr)
            if place is None or len(node.args) <= place:
                continue
            for key in keys_of(node.args[place]):
                yield path, key, node


def keys_of(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from keys_of(node.body)
        yield from keys_of(node.orelse)


def test_something_is_read_at_all() -> None:
    assert len(ENGLISH) > 50
    assert len(list(calls())) > 20


@pytest.mark.parametrize("language", OTHERS)
def test_keys_are_the_same_in_every_language(language: str) -> None:
    assert set(CATALOGUES[language]) == set(ENGLISH)


@pytest.mark.parametrize("language", OTHERS)
def test_variables_are_the_same_in_every_language(language: str) -> None:
    theirs = {key: message.variables for key, message in CATALOGUES[language].items()}
    assert theirs == {key: message.variables for key, message in ENGLISH.items()}


@pytest.mark.parametrize("language", OTHERS)
def test_messages_are_really_translated(language: str) -> None:
    same = {key for key, message in CATALOGUES[language].items() if message.text == ENGLISH[key].text}
    wordless = {
        key for key in same if not re.search(r"[^\W\d_]{2,}", re.sub(r"\{.*?\}|<[^>]*>", "", ENGLISH[key].text))
    }
    assert same - wordless <= SAME_EVERYWHERE


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_can_be_formatted(language: str) -> None:
    translator = Translator(LOCALES)
    for key, message in CATALOGUES[language].items():
        for value in (1, 5, "x"):
            text = translator.translate(language, key, **dict.fromkeys(message.variables, value))
            assert text != key, f"{key} in {language} cannot be formatted with {value!r}"
            assert "{" not in text


def test_every_key_that_the_program_writes_exists() -> None:
    missing = {f"{path}: {key}" for path, key, _ in calls() if key not in ENGLISH}
    assert missing == set()


def test_every_text_that_begins_like_a_key_is_one() -> None:
    unknown = {
        f"{path}: {text}"
        for path, text in texts()
        if KEY.fullmatch(text) and text.startswith(FAMILIES) and text not in ENGLISH
    }
    assert unknown == set()


def test_every_message_is_given_its_variables() -> None:
    for path, key, call in calls():
        given = {keyword.arg for keyword in call.keywords}
        if None in given:  # passed on as a whole
            continue
        assert ENGLISH[key].variables <= given, f"{path}:{call.lineno} {key}"


def test_no_message_is_left_over() -> None:
    written = {text for _, text in texts()}
    starts = tuple(text for text in written if KEY_START.fullmatch(text))
    assert {key for key in ENGLISH if key not in written and not key.startswith(starts)} == set()


def error_classes(root: type[AppError] = AppError) -> Iterator[type[AppError]]:
    for child in root.__subclasses__():
        yield child
        yield from error_classes(child)


def test_every_refusal_has_its_sentence() -> None:
    codes = {refusal.code for refusal in error_classes()}
    assert len(codes) > 20
    assert {code for code in codes if message_key(code) not in ENGLISH} == set()


def test_every_reason_of_a_failure_has_its_sentence() -> None:
    for reason in errors.FailureReason:
        assert message_key(reason) in ENGLISH
        assert "failure-" + reason.lower().replace("_", "-") in ENGLISH


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_and_its_sign_stay_on_one_line(language: str) -> None:
    translator, numbers = Translator(LOCALES), 0
    for key, message in read(language).items():
        for number in (1, 2, 5):
            said = translator.translate(language, key, **dict.fromkeys(message.variables, number))
            assert not re.search(r"\d(?:</\w+>)?[ \n](?:<\w+>)?[💎⭐📸%]", said), said
            numbers += len(re.findall(r"\d\u00a0[💎⭐📸%]", said))
    assert numbers > 100
