"""Checks prompts against the operator's rules before anything is held."""

import re
import time
from collections.abc import Mapping
from typing import Final

from app.core.app_settings import find_setting, put_setting
from app.core.db import Database
from app.domain.actors import Actor
from app.domain.audit import log as audit
from app.domain.errors import PromptRejected, ValidationFailed
from app.domain.moderation.defaults import DEFAULT_RULES
from app.domain.ports import ModerationRules, Moderator

_RULES_KEY: Final = "moderation_rules"
# An edited rule reaches every process within this time.
_REMEMBERED_SECONDS: Final = 2.0
_LONGEST_RULE: Final = 200


class ModerationService:
    """The local rule set; a vendor may still refuse afterwards."""

    def __init__(self, db: Database, moderator: Moderator) -> None:
        self._db = db
        self._moderator = moderator
        self._rules = DEFAULT_RULES
        self._read_at = float("-inf")

    async def check(self, *texts: str | None) -> None:
        """Let pass what breaks no rule. Raises: PromptRejected, with the category."""
        for text in texts:
            await self.check_addition("", text or "")

    async def check_addition(self, before: str, after: str) -> None:
        """Let pass what breaks no rule that was not broken before. Raises: PromptRejected, with the category."""
        broken = await self.judge(after)
        if not broken:
            return
        own = await self.judge(before)
        for category in broken:
            if category not in own:
                raise PromptRejected(category=category)

    async def judge(self, text: str) -> tuple[str, ...]:
        """The categories of the rules that a text breaks."""
        return await self._moderator.judge(text, await self._current()) if text else ()

    async def show(self) -> dict[str, dict[str, list[str]]]:
        """The rules in force, as the document that `replace` takes."""
        rules = await self._current()
        return {
            "words": {category: list(words) for category, words in rules.words.items()},
            "patterns": {category: list(patterns) for category, patterns in rules.patterns.items()},
        }

    async def replace(self, actor: Actor, document: object, *, reason: str) -> None:
        """Replace the rules: `{"words": {category: […]}, "patterns": {category: […]}}`; audited.

        Raises: ValidationFailed naming what does not fit.
        """
        rules = parse_rules(document)
        try:
            # The moderator takes only patterns that it can bound; it must say so now, not to the next user.
            await self._moderator.judge("", rules)
        except ValueError as error:
            raise ValidationFailed({"patterns": str(error)}) from error
        before = await self.show()
        async with self._db.transaction() as tx:
            await put_setting(tx, _RULES_KEY, document)
            await audit.record(
                tx,
                actor,
                action="moderation.replace",
                subject="moderation",
                before=dict(before),
                after={"words": dict(rules.words), "patterns": dict(rules.patterns)},
                reason=reason,
            )
        self._read_at = float("-inf")

    async def _current(self) -> ModerationRules:
        if time.monotonic() - self._read_at < _REMEMBERED_SECONDS:
            return self._rules
        async with self._db.read() as reader:
            document = await find_setting(reader, _RULES_KEY)
        self._rules = DEFAULT_RULES if document is None else parse_rules(document)
        self._read_at = time.monotonic()
        return self._rules


def parse_rules(document: object) -> ModerationRules:
    """Rules from their document. Raises: ValidationFailed naming what does not fit."""
    if not isinstance(document, Mapping) or set(document) - {"words", "patterns"}:
        raise ValidationFailed({"rules": 'must be {"words": {…}, "patterns": {…}}'})
    words = _lists(document.get("words", {}), "words")
    patterns = _lists(document.get("patterns", {}), "patterns")
    for category, expressions in patterns.items():
        for expression in expressions:
            try:
                re.compile(expression)
            except re.error as error:
                raise ValidationFailed({f"patterns.{category}": f"{expression!r} is no pattern: {error}"}) from error
    return ModerationRules(words=words, patterns=patterns)


def _lists(value: object, name: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise ValidationFailed({name: "must be lists by category"})
    lists = {}
    for category, entries in value.items():
        fits = isinstance(entries, list | tuple) and all(
            isinstance(entry, str) and 0 < len(entry.strip()) <= _LONGEST_RULE for entry in entries
        )
        if not isinstance(category, str) or not fits:
            raise ValidationFailed(
                {f"{name}.{category}": f"must be a list of texts of 1 to {_LONGEST_RULE} characters"}
            )
        lists[category] = tuple(entries)
    return lists
