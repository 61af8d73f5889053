"""Judges what an order says: the user's words, and what they become between the operator's."""

from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Pack, Style
from app.domain.generations.models import Kind
from app.domain.generations.packs import appended
from app.domain.moderation.service import ModerationService


class PromptJudge:
    """The rules for prompts, applied to what a vendor would be told.

    What the words of a style or a pack break by themselves is the operator's doing and refuses nobody.
    """

    def __init__(self, moderation: ModerationService, catalog: CatalogService) -> None:
        self._moderation = moderation
        self._catalog = catalog

    async def check(self, kind: Kind, style_key: str | None, prompt: str, negative_prompt: str | None) -> None:
        """Let pass words that break no rule, neither alone nor in their style. Raises: PromptRejected."""
        await self._moderation.check(prompt, negative_prompt)
        if style_key is None or not prompt.strip():
            return
        if kind is Kind.PACK:
            pack = await self._catalog.find_pack(style_key)
            # What is said is added to every shot, and each may be the one that it does not go with.
            for shot in pack.shots if pack else ():
                await self._moderation.check_addition(shot, shot + appended(prompt))
        elif (style := await self._catalog.find_style(style_key)) is not None:
            await self._moderation.check_addition(style.render(""), style.render(prompt))

    async def list_own_breaches(self) -> tuple[tuple[str, str], ...]:
        """The styles and packs on sale whose own words break a rule: key and category."""
        offered: tuple[Style | Pack, ...] = (
            *await self._catalog.list_styles(),
            *await self._catalog.list_packs(),
        )
        found = {
            (each.key, category): None
            for each in offered
            for words in (each.shots if isinstance(each, Pack) else (each.render(""),))
            for category in await self._moderation.judge(words)
        }
        return tuple(found)
