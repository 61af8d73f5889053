"""Which terminal of T-Bank takes the next card order. Switched at run time, audited; an order keeps its own."""

from collections.abc import Mapping
from typing import Final

from app.core.app_settings import find_setting, put_setting
from app.core.db import Database, Reader
from app.domain.actors import Actor
from app.domain.audit import log as audit
from app.domain.errors import Forbidden, ValidationFailed
from app.domain.ports import CardGateway, Terminal
from app.domain.users.views import UserView

_KEY: Final = "card_terminal"

CardGateways = Mapping[Terminal, CardGateway]


class TerminalService:
    """The terminals that are configured, and which of them sells. `testers` are Telegram ids of operators."""

    def __init__(
        self, db: Database, gateways: CardGateways, *, is_selling: bool, testers: frozenset[int] = frozenset()
    ) -> None:
        self._db = db
        self._gateways = gateways
        self._is_selling = is_selling
        self._testers = testers

    async def current(self) -> Terminal | None:
        """The terminal in use; None when none is configured."""
        async with self._db.read() as reader:
            return await self._current(reader)

    async def for_buyer(self, user: UserView) -> Terminal:
        """The terminal of this user's next order.

        Raises: Forbidden when cards are switched off, or for anybody but an operator on the test terminal.
        """
        terminal = await self.current() if self._is_selling else None
        if terminal is None:
            raise Forbidden(log={"why": "cards are switched off"})
        if terminal is Terminal.TEST and user.telegram_id not in self._testers:
            raise Forbidden(log={"why": "the test terminal sells to operators alone"})
        return terminal

    async def sells_to(self, user: UserView) -> bool:
        """Whether this user can pay by card at all."""
        try:
            await self.for_buyer(user)
        except Forbidden:
            return False
        return True

    async def switch(self, actor: Actor, terminal: Terminal, *, reason: str) -> None:
        """Sell through this terminal from now on; orders that exist stay with theirs. Audited.

        Raises: ValidationFailed when it is not configured.
        """
        if terminal not in self._gateways:
            raise ValidationFailed({"terminal": f"{terminal} has no key and password in the settings"})
        async with self._db.transaction() as tx:
            before = await self._current(tx)
            await put_setting(tx, _KEY, terminal.value)
            await audit.record(
                tx,
                actor,
                action="terminal.switch",
                subject="cards",
                before={"terminal": before},
                after={"terminal": terminal},
                reason=reason,
            )

    async def _current(self, reader: Reader) -> Terminal | None:
        chosen = await find_setting(reader, _KEY)
        if chosen in self._gateways:
            return Terminal(chosen)
        return next((each for each in (Terminal.PRODUCTION, Terminal.TEST) if each in self._gateways), None)
