"""Buying by card as a person does: the bot's link in a browser, a pack, the bank's page, and back; without a script."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from playwright.async_api import Browser, Page, ViewportSize, expect

from app.api.setup import create_http
from app.container import Container
from app.domain.actors import Actor
from app.domain.users.service import TelegramIdentity
from app.sandbox.config import SandboxConfig
from app.sandbox.processes import free_port
from app.settings import Settings
from tests.bot.serving import serving
from tests.domain.bank import TERMINALS
from tests.harness import BOT_TOKEN
from tests.sandbox.rig import Sandbox, serve

PHONE = ViewportSize(width=390, height=844)


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serve(SandboxConfig(port=0, data_dir=tmp_path, bot_token=BOT_TOKEN, tbank_terminals=TERMINALS)) as one:
        yield one


@dataclass
class Shop:
    """The product, served, and who buys from it."""

    url: str
    container: Container

    async def visitor(self, language: str) -> str:
        """A new person's link."""
        identity = TelegramIdentity(700_000_001, "Дильноза", None, language)
        user = (await self.container.services.accounts.enter(identity)).user
        return f"{self.url}/web?auth={await self.container.services.browser_links.create(Actor.user(user.id))}"


@pytest.fixture
async def shop(app_environment: dict[str, str], bank: Sandbox) -> AsyncIterator[Shop]:
    port = free_port()
    environment: dict[str, Any] = {
        **app_environment,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TELEGRAM_API_URL": bank.url,
        "DEMO_BASE_URL": f"{bank.url}/vendor",
        "TBANK_BASE_URL": f"{bank.url}/tbank",
        "CARDS_ENABLED": "true",
    }
    settings = Settings(_env_file=None, **{name.lower(): value for name, value in environment.items()})
    async with Container(settings) as container:
        await container.seed()
        async with serving(create_http(container, telegram_router=APIRouter()), port=port):
            yield Shop(settings.public_url, container)


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A phone's browser without JavaScript, in which nothing may be complained of."""
    context = await browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True, java_script_enabled=False)
    context.set_default_timeout(15_000)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    await context.close()
    # A refused link is answered with its status, which the browser writes down.
    assert [text for text in complaints if "401" not in text] == []


async def fits(page: Page) -> None:
    """Nothing sticks out at the side, and what is tapped is large enough for a finger."""
    box = await page.locator("body").bounding_box()
    assert box is not None
    assert box["width"] <= PHONE["width"]
    for button in await page.locator("button, a.primary, a.pay").all():
        size = await button.bounding_box()
        assert size is not None
        assert size["height"] >= 44
        assert size["x"] >= 0
        assert size["x"] + size["width"] <= PHONE["width"]


async def test_a_pack_is_bought_by_card_in_a_browser(page: Page, shop: Shop) -> None:
    await page.goto(await shop.visitor("ru"))
    await fits(page)
    await page.get_by_role("button", name="Продолжить").click()
    await expect(page.get_by_text("Здравствуйте, Дильноза!")).to_be_visible()
    await fits(page)
    await page.get_by_role("button", name=re.compile("Купить за 200")).first.click()
    # The order's page forwards to the bank by itself.
    await page.wait_for_url("**/tbank/pay/*")
    await expect(page.locator(".sum")).to_have_text("200\u00a0₽")
    await fits(page)
    await page.get_by_role("button", name="Отклонить карту").click()
    await expect(page.get_by_role("alert")).to_contain_text("Банк отклонил карту")
    await page.get_by_role("button", name=re.compile("Оплатить")).click()
    await expect(page.get_by_role("heading", name="Оплачено")).to_be_visible()
    await page.get_by_role("link", name="Вернуться в магазин").click()
    await page.wait_for_url(f"{shop.url}/web/orders/*")
    # It looks again by itself until the notification has come.
    await expect(page.get_by_role("heading", name="Оплачено")).to_be_visible(timeout=20_000)
    await expect(page.get_by_text("Теперь у вас 120\u00a0💎")).to_be_visible()
    await fits(page)
    await page.get_by_role("link", name="Назад в магазин").click()
    await expect(page.locator(".orders")).to_contain_text("Оплачено")


async def test_a_link_that_was_used_says_so(page: Page, shop: Shop) -> None:
    link = await shop.visitor("uz")
    await page.goto(link)
    await page.get_by_role("button", name="Davom etish").click()
    await page.wait_for_url("**/web/shop")
    await page.context.clear_cookies()
    await page.goto(link)
    await page.get_by_role("button", name="Davom etish").click()
    await expect(page.get_by_role("heading")).to_be_visible()
    await expect(page.get_by_text("/web")).to_be_visible()
