"""The rules for prompts: edited without a deploy, in force everywhere within seconds, refused when they are wrong."""

import asyncio

import pytest

from app.domain.errors import PromptRejected, ValidationFailed
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop

RULES = {"words": {"fruit": ["banana"]}, "patterns": {"numbers": [r"\b\d{4}\b"]}}


async def test_an_edited_rule_holds_at_once(shop: Shop) -> None:
    moderation = shop.services.moderation
    await moderation.check("a banana")
    await moderation.replace(OPERATOR, RULES, reason="no fruit")
    for prompt, category in (("a banana", "fruit"), ("the year 1984", "numbers")):
        with pytest.raises(PromptRejected) as raised:
            await moderation.check(prompt)
        assert raised.value.params == {"category": category}
    await moderation.check("an apple", None)
    assert await moderation.show() == RULES


async def test_an_edited_rule_reaches_other_processes_within_seconds(open_shop: OpenShop) -> None:
    shop, other = await open_shop(), await open_shop()
    await other.services.moderation.check("a banana")
    await shop.services.moderation.replace(OPERATOR, RULES, reason="no fruit")
    async with asyncio.timeout(10):
        while True:
            try:
                await other.services.moderation.check("a banana")
            except PromptRejected:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "document",
    [
        [],
        "words",
        {"word": {}},
        {"words": []},
        {"words": {"fruit": "banana"}},
        {"words": {"fruit": [""]}},
        {"words": {"fruit": ["x" * 201]}},
        {"words": {"fruit": [5]}},
        {"patterns": {"fruit": ["("]}},
        {"patterns": {"fruit": ["(a+)+b"]}},
    ],
)
async def test_wrong_rules_are_refused_and_the_old_ones_stay(shop: Shop, document: object) -> None:
    before = await shop.services.moderation.show()
    with pytest.raises(ValidationFailed):
        await shop.services.moderation.replace(OPERATOR, document, reason="a slip")
    assert await shop.services.moderation.show() == before
    assert await shop.scalar("SELECT count(*) FROM audit_log") == 0


async def test_a_change_of_rules_is_audited(shop: Shop) -> None:
    await shop.services.moderation.replace(OPERATOR, RULES, reason="no fruit")
    (row,) = await shop.run_sql("SELECT action, after, reason FROM audit_log")
    assert (row["action"], row["after"], row["reason"]) == ("moderation.replace", RULES, "no fruit")
    assert await shop.services.books.find_broken_audit_entry() is None


async def test_a_rejected_prompt_costs_nothing(shop: Shop) -> None:
    user = await shop.newcomer()
    await shop.services.moderation.replace(OPERATOR, RULES, reason="no fruit")
    with pytest.raises(PromptRejected):
        await shop.submit(user, "a banana")
    assert await shop.balances(user.id) == (20, 0, 0)
    assert await shop.scalar("SELECT count(*) FROM generations") == 0


async def test_no_words_of_the_first_styles_and_packs_break_a_rule_by_themselves(shop: Shop) -> None:
    assert await shop.services.judge.list_own_breaches() == ()
