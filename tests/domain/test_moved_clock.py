"""Production refuses a database whose clock a sandbox has moved, at the web side and at the worker alike."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from app import main
from app.bot.setup import Telegram
from tests.domain.shop import Shop, shop_settings


@pytest.fixture
async def moved(database_url: str) -> Shop:
    """A product in production, an hour ahead. Whoever starts it closes it."""
    shop = Shop(shop_settings(database_url, environment="production"))
    await shop.advance_clock(timedelta(hours=1))
    return shop


async def test_the_web_side_does_not_start(moved: Shop) -> None:
    with pytest.raises(main.ClockMoved, match="clock_offset_seconds"):
        async with main._running(moved, Telegram(moved), with_worker=False):
            pass


async def test_the_worker_does_not_start(moved: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "Container", lambda _: moved)
    monkeypatch.setattr(main, "prepare_logging", lambda _: None)
    with pytest.raises(main.ClockMoved, match="3600"):
        await main.work(moved.settings)


async def test_a_true_clock_and_a_sandbox_are_let_through(shop: Shop, database_url: str) -> None:
    production = Shop(shop_settings(database_url, environment="production"))
    await main.refuse_moved_clock(production)
    await shop.advance_clock(timedelta(hours=1))
    await main.refuse_moved_clock(shop)
    await production.close()


async def test_a_database_that_waiting_does_not_mend_ends_the_start(database_url: str) -> None:
    product = Shop(shop_settings(f"{database_url.rpartition('/')[0]}/no_such_database"))
    async with asyncio.timeout(20):
        with pytest.raises(DBAPIError, match="no_such_database"):
            await main._seed(product)
    await product.close()
