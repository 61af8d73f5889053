"""A real sandbox, a scripted bot and a real Chromium, once a session; a page of its own for every test."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, async_playwright, expect

from app.sandbox.processes import free_port
from tests.browser.chromium import chromium
from tests.browser.playground import TOKEN, WAIT_LIMIT_MS, OpenChat, OpenPage, PlaygroundSandbox, Watched
from tests.browser.scripted_bot import SlowAnswers, serve_bot

Scheme = Literal["light", "dark"]
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests."""
    expect.set_options(timeout=WAIT_LIMIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=_ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaygroundSandbox]:
    """The sandbox that most tests share, each with people of its own."""
    sandbox = PlaygroundSandbox(tmp_path_factory.mktemp("playground"))
    sandbox.start()
    yield sandbox
    sandbox.kill()


@pytest.fixture(scope="session")
async def shared_bot(playground: PlaygroundSandbox) -> AsyncIterator[SlowAnswers]:
    """The scripted bot behind the shared sandbox's webhook."""
    async with serve_bot(playground.url, TOKEN, free_port()) as slow:
        yield slow


@pytest.fixture
def bot(shared_bot: SlowAnswers) -> SlowAnswers:
    """The same, holding its slow answers back, also after a test that failed before it took that back."""
    shared_bot.released.clear()
    return shared_bot


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[PlaygroundSandbox]:
    """A sandbox of this test alone, which it may kill; no bot is connected."""
    sandbox = PlaygroundSandbox(tmp_path)
    sandbox.start()
    yield sandbox
    sandbox.kill()


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """`await open_page(url, width=1280, height=800, scheme="light", touch=False)` → Watched.

    At the end of the test no page may have complained on its console or asked another host for anything.
    """
    opened: list[Watched] = []
    async with AsyncExitStack() as stack:

        async def open_(
            url: str, *, width: int = 1280, height: int = 800, scheme: Scheme = "light", touch: bool = False
        ) -> Watched:
            context = await browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=touch, is_mobile=touch
            )
            stack.push_async_callback(context.close)
            context.set_default_timeout(WAIT_LIMIT_MS)
            watched = Watched(await context.new_page())
            watched.attach()
            opened.append(watched)
            # A handler that is in the middle of an answer then would fail the next test with its complaint.
            stack.push_async_callback(watched.page.unroute_all, behavior="ignoreErrors")
            await watched.page.goto(url)
            return watched

        yield open_
    complaints = [complaint for watched in opened for complaint in watched.complaints]
    assert complaints == []


@pytest.fixture
async def open_chat(playground: PlaygroundSandbox, bot: SlowAnswers, open_page: OpenPage) -> OpenPage:
    """`await open_chat(started=True, **page)` → OpenChat of a new person, or of `user_id`, with the bot."""

    async def open_(
        *, first_name: str = "Anna", started: bool = True, user_id: int | None = None, **page: Any
    ) -> OpenChat:
        person = user_id or await playground.new_user(first_name, started=started)
        watched = await open_page(f"{playground.page_url}#/chat/{person}", **page)
        return OpenChat(watched, playground, person)

    return open_
