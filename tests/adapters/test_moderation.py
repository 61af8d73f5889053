"""Words and patterns are found under every usual disguise, and nothing harmless or slow gets in the way."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.moderation import RuleModerator
from app.adapters.patterns import compile_pattern
from app.domain.moderation.defaults import DEFAULT_RULES
from app.domain.ports import ModerationRules

RULES = ModerationRules(
    words={
        "sexual": ("nude", "секс", "порн*", "o'ldir"),
        "violence": ("kill", "behead someone", "убить человека"),
    },
    patterns={
        "minors": (r"\b(?:child|kid)s?\b[^.]{0,40}\bbikini\b", r"реб[её]нок[^.]{0,40}голый"),
        "violence": (r"how to (?:make|build) a bomb",),
    },
)


async def judged(prompt: str, rules: ModerationRules = RULES) -> str | None:
    return next(iter(await RuleModerator().judge(prompt, rules)), None)


@pytest.mark.parametrize(
    "prompt",
    [
        "nude",
        "a NUDE statue",
        "ｎｕｄｅ",
        "n\u200bu\u00adde",
        "n.u.d.e",
        "n u d e picture",
        "nudе with a Cyrillic letter",
        "nu_de? no: nude_girl",
        "nuuuuude",
        "n\u0336u\u0336d\u0336e\u0336",
        "nud3",
        "núde",
        "секс",
        "CEKC",
        "сeкc",
        "с-е-к-с",
        "порнуха",
        "п0рно",
        "ПОРНО!",
        "o'ldir",
        "oʻldir",
        "o’ldir",
    ],
)
async def test_a_word_is_found_under_its_disguise(prompt: str) -> None:
    assert await judged(prompt) == "sexual"


@pytest.mark.parametrize(
    "prompt", ["kill him", "k1ll", "ki11", "k!ll", "KILL!", "behead  someone", "behead\nsomeone now"]
)
async def test_words_of_several_and_symbols_are_found(prompt: str) -> None:
    assert await judged(prompt) == "violence"


@pytest.mark.parametrize(
    "prompt",
    [
        "a skill tree",
        "denude",
        "a nudel soup",
        "сексуал? no such word",
        "behead a dragon for someone",
        "a kite above the sea, 5 cats, 100% sharp @home!",
        "Котёнок играет с клубком, акварель",
        "Registon maydoni, quyosh botishi",
        "🙂🎉",
        "",
        "   \u200b ",
    ],
)
async def test_what_only_resembles_a_word_passes(prompt: str) -> None:
    assert await judged(prompt) is None


@pytest.mark.parametrize(
    ("prompt", "category"),
    [
        ("a kid wearing a bikini", "minors"),
        ("KIDS, at the sea, in a BIKINI", "minors"),
        ("a kіd in a bikini", "minors"),
        ("ребенок совсем голый", "minors"),
        ("Ребёнок голый", "minors"),
        ("peбeнok голый", "minors"),
        ("How to build a bomb", "violence"),
        ("a kid. Later, somebody in a bikini", None),
    ],
)
async def test_patterns_are_searched_in_clean_text_of_either_alphabet(prompt: str, category: str | None) -> None:
    assert await judged(prompt) == category


async def test_a_pattern_is_found_behind_characters_that_grow_when_normalised() -> None:
    assert await judged("ﷺ" * 1_900 + " how to make a bomb") == "violence"


async def test_no_rules_refuse_nothing() -> None:
    assert await judged("nude", ModerationRules(words={}, patterns={})) is None
    assert await judged("nude", ModerationRules(words={"sexual": ("", " ", "*", "…")}, patterns={})) is None


async def test_changed_rules_hold_at_once() -> None:
    moderator = RuleModerator()
    assert await moderator.judge("a kite", RULES) == ()
    stricter = ModerationRules(words={"kites": ("kite",)}, patterns={})
    assert await moderator.judge("a kite", stricter) == ("kites",)
    assert await moderator.judge("a kite", RULES) == ()


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "a{2,1}", "(?P<x>a)(?P<x>b)"])
async def test_a_broken_pattern_is_named(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not a regular expression"):
        await judged("a kite", ModerationRules(words={}, patterns={"x": (pattern,)}))


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a|a)*$",
        r"(a|aa)+$",
        r"(\w+\s?)*$",
        r".*.*.*=",
        r"(?:\w+\W+){0,30}end",
        r"(x+x+)+y",
        r"((a{1,50}){1,50}){1,50}$",
        r"(?=(a+)+$)a",
        r"[a-z.]*\b.*\bx",
    ],
)
def test_a_pattern_that_could_explode_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "hostile"),
    [
        (r"a.*b", "a" * 2_000),
        (r"\w+@", "a" * 2_000),
        (r"\b(?:child|kid)s?\b[^.]{0,40}\bnaked\b", "kid " * 500),
        (r"a[^.]{0,40}b[^.]{0,40}c", "ab" * 1_000),
        (r"(?:very ){0,5}young", "very " * 400),
        (r"(ab)*c", "ab" * 1_000),
        (r"\b(?:nude|porn\w*|sexy)\b.{0,40}\b(?:child(?:ren)?|kids?)\b", "porn " * 400),
        (r"\b(?:nude|porn\w*|sexy)\b.{0,40}\b(?:child(?:ren)?|kids?)\b", "porn" * 500),
        (r"(?:\w+\b)*\b!", "a" * 2_000),
        (r"\w+\b[^.]{0,40}\bend\b", "a" * 1_000 + " b" * 500),
    ],
)
def test_a_pattern_that_is_accepted_is_quick_on_hostile_text(pattern: str, hostile: str) -> None:
    compiled = compile_pattern(pattern)
    started = time.thread_time()
    assert compiled.search(hostile) is None
    assert time.thread_time() - started < 0.5


async def test_the_default_rules_are_accepted_and_quick() -> None:
    moderator = RuleModerator()
    assert await moderator.judge("a kite above the sea", DEFAULT_RULES) == ()
    started = time.thread_time()
    assert await moderator.judge("porn erotic дет голый " * 90, DEFAULT_RULES) == ()
    assert time.thread_time() - started < 0.5
    assert await moderator.judge("naked kids", DEFAULT_RULES) == ("minors",)


async def test_everything_that_is_broken_is_named_in_the_order_of_the_rules() -> None:
    assert await RuleModerator().judge("kill the kid in a bikini, nude", RULES) == ("sexual", "violence", "minors")


@given(st.text(max_size=300))
async def test_any_text_is_judged(prompt: str) -> None:
    assert await judged(prompt) in {None, "sexual", "violence", "minors"}
