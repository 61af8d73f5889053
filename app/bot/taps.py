"""The filter of handlers of taps: by action, the data parsed."""

from aiogram.filters import Filter
from aiogram.types import CallbackQuery

from app.adapters.telegram.callbacks import Action, Tap, parse


class OnTap(Filter):
    """Lets taps of these actions through, and hands the handler the parsed `tap`."""

    def __init__(self, *actions: Action, with_id: bool = True) -> None:
        """`with_id`: the action concerns something, whose id must be there."""
        self._actions = frozenset(actions)
        self._with_id = with_id

    async def __call__(self, query: CallbackQuery) -> dict[str, Tap] | bool:
        tap = parse(query.data or "")
        if tap is None or tap.action not in self._actions or (self._with_id and tap.id is None):
            return False
        return {"tap": tap}
