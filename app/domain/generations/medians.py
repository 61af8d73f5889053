"""How long each model takes, from its own last days; what "about a minute" is made of."""

import time
from typing import Final

from app.core.db import Database
from app.domain.catalog.service import CatalogService
from app.domain.generations import repository

_REMEMBERED_SECONDS: Final = 30.0


class MedianCache:
    """The p50 of every model on sale, read anew twice a minute."""

    def __init__(self, db: Database, catalog: CatalogService) -> None:
        self._db = db
        self._catalog = catalog
        self._read_at = float("-inf")
        self.known: dict[str, float] = {}
        """Seconds by model key; a model that made nothing lately is missing."""

    async def refresh(self) -> dict[str, float]:
        """The figures, read anew when they are old."""
        if time.monotonic() - self._read_at < _REMEMBERED_SECONDS:
            return self.known
        self._read_at = time.monotonic()
        models = await self._catalog.list_models()
        async with self._db.read() as reader:
            medians = {model.key: await repository.find_median_seconds(reader, model.key) for model in models}
        self.known = {key: median for key, median in medians.items() if median is not None}
        return self.known
