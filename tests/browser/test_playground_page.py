"""The page as a whole: themes, phone and desktop, a lost connection, the keyboard, the developer's tools."""

import asyncio

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.playground import OpenPage, PlaygroundSandbox
from tests.browser.scripted_bot import SlowAnswers

_BACKGROUND = "getComputedStyle(document.querySelector('.sidebar')).backgroundColor"


async def _open_tool(page: Page, name: str) -> None:
    tools = page.get_by_role("complementary", name="Sandbox tools")
    if not await tools.is_visible():
        await page.get_by_role("button", name="Sandbox tools").first.click()
    await tools.get_by_role("tab", name=name).click()


async def test_theme_follows_the_system_until_one_is_chosen(open_page: OpenPage, playground: PlaygroundSandbox) -> None:
    light = (await open_page(playground.page_url, scheme="light")).page
    dark = (await open_page(playground.page_url, scheme="dark")).page
    by_system = await light.evaluate(_BACKGROUND), await dark.evaluate(_BACKGROUND)
    assert by_system[0] != by_system[1]
    await light.get_by_role("button", name="Theme: as the system").click()
    await light.get_by_role("button", name="Theme: light").click()
    await expect(light.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert await light.evaluate(_BACKGROUND) == by_system[1]
    await light.reload()
    assert await light.evaluate(_BACKGROUND) == by_system[1]


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_sticks_out_of_the_page(open_chat: OpenPage, width: int, scheme: str) -> None:
    chat = await open_chat(width=width, height=800, scheme=scheme)
    await chat.send("/keyboard")
    await chat.send("/album")
    await expect(chat.log.locator(".photo-image")).to_have_count(4)
    await chat.page.locator(".column").get_by_role("button", name="Sandbox tools").click()
    for tab in ("Clock", "Faults", "Updates", "Vendor"):
        await _open_tool(chat.page, tab)
        sticking_out = await chat.page.evaluate(
            """() => [...document.querySelectorAll(".app *")].filter((element) => {
                 const box = element.getBoundingClientRect();
                 return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
               }).map((element) => `${element.tagName}.${element.className}`)"""
        )
        assert sticking_out == []


async def test_phone_shows_the_list_or_the_chat(open_page: OpenPage, playground: PlaygroundSandbox) -> None:
    user_id = await playground.new_user("On the phone")
    page = (await open_page(playground.page_url, width=390, height=844, touch=True)).page
    await page.locator(f'[data-person="{user_id}"]').tap()
    await expect(page.get_by_role("complementary", name="People")).to_be_hidden()
    await page.get_by_role("button", name="Back to the people").tap()
    await expect(page.get_by_role("complementary", name="People")).to_be_visible()
    await expect(page.locator(".column")).to_have_count(0)


async def test_reload_leads_to_the_same_chat(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("Remember me")
    await expect(chat.log.get_by_text("Echo: Remember me")).to_be_visible()
    await chat.page.reload()
    await expect(chat.log.get_by_text("Echo: Remember me")).to_be_visible()


async def test_lost_sandbox_is_told_and_found_again(own_sandbox: PlaygroundSandbox, open_page: OpenPage) -> None:
    user_id = await own_sandbox.new_user()
    watched = await open_page(f"{own_sandbox.page_url}#/chat/{user_id}")
    watched.expects_failures = True
    page = watched.page
    await expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    own_sandbox.kill()
    banner = page.get_by_text("The connection to the sandbox is lost.")
    await expect(banner).to_be_visible()
    own_sandbox.start()
    # It may have come back by itself in this moment, and then nothing is there any more to be clicked.
    await page.get_by_role("button", name="Retry now", include_hidden=True).dispatch_event("click")
    await expect(banner).to_be_hidden()
    await own_sandbox.write(user_id, "After the restart")
    await expect(page.get_by_role("log").get_by_text("After the restart")).to_be_visible()


async def test_person_is_told_that_no_app_is_connected(own_sandbox: PlaygroundSandbox, open_page: OpenPage) -> None:
    user_id = await own_sandbox.new_user()
    page = (await open_page(f"{own_sandbox.page_url}#/chat/{user_id}")).page
    await expect(page.get_by_text("The app is not connected")).to_be_visible()
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.get_by_role("img", name="Sent, not delivered to the bot yet")).to_be_visible()


async def test_what_was_sent_after_the_queue_was_read_is_not_called_delivered(
    own_sandbox: PlaygroundSandbox, open_page: OpenPage
) -> None:
    user_id = await own_sandbox.new_user()
    page = (await open_page(own_sandbox.page_url)).page
    asked, released = asyncio.Event(), asyncio.Event()

    async def answer_late(route: Route) -> None:
        response = await route.fetch()
        asked.set()
        await released.wait()
        await route.fulfill(response=response)

    await page.route("**/sandbox/api/updates?*", answer_late)
    await page.goto(f"{own_sandbox.page_url}#/chat/{user_id}")
    await page.reload()
    await asked.wait()
    await page.get_by_role("button", name="Start", exact=True).click()
    waiting = page.get_by_role("img", name="Sent, not delivered to the bot yet")
    await expect(waiting).to_be_visible()
    # As long as anything waits the page looks again, which it would not do if it took that answer for the whole truth.
    async with page.expect_request("**/sandbox/api/updates?*"):
        released.set()
    await expect(waiting).to_be_visible()


async def test_empty_sandbox_invites_to_make_a_person(own_sandbox: PlaygroundSandbox, open_page: OpenPage) -> None:
    page = (await open_page(own_sandbox.page_url)).page
    await expect(page.get_by_text("Choose a person to chat as")).to_be_visible()
    await expect(page.get_by_role("button", name="New person")).to_be_visible()


async def test_reset_empties_the_list(own_sandbox: PlaygroundSandbox, open_page: OpenPage) -> None:
    user_id = await own_sandbox.new_user("Soon Gone")
    watched = await open_page(f"{own_sandbox.page_url}#/chat/{user_id}")
    watched.expects_failures = True  # what was asked about the person before and is answered after it is not there
    page = watched.page
    await _open_tool(page, "Clock")
    await page.get_by_role("button", name="Reset the sandbox…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Reset", exact=True).click()
    await expect(page.locator(f'[data-person="{user_id}"]')).to_have_count(0)
    await expect(page.locator(".column")).to_have_count(0)


async def test_chat_is_reached_and_used_by_keyboard_alone(
    open_page: OpenPage, playground: PlaygroundSandbox, bot: SlowAnswers
) -> None:
    user_id = await playground.new_user("Keyboard Only", started=True)
    page = (await open_page(playground.page_url)).page
    row = page.locator(f'[data-person="{user_id}"]')
    await row.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    await page.keyboard.type("By keys")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log").get_by_text("Echo: By keys")).to_be_visible()
    toast_button = page.get_by_role("log").get_by_role("button", name="Toast", exact=True)
    await toast_button.focus()
    assert await toast_button.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("A short answer")).to_be_visible()
    await expect(toast_button).to_be_focused()


async def test_clock_is_moved_on(own_sandbox: PlaygroundSandbox, open_page: OpenPage) -> None:
    page = (await open_page(own_sandbox.page_url)).page
    await _open_tool(page, "Clock")
    await expect(page.get_by_text("Shows the real time")).to_be_visible()
    await page.get_by_role("button", name="+1 day").click()
    await expect(page.get_by_text("1 d ahead of this computer")).to_be_visible()
    await page.get_by_label("How many").fill("3")
    await page.get_by_role("button", name="Advance").click()
    await expect(page.get_by_text("1 d 3 h ahead of this computer")).to_be_visible()


async def test_fault_is_ordered_and_cleared(own_sandbox: PlaygroundSandbox, open_page: OpenPage) -> None:
    page = (await open_page(own_sandbox.page_url)).page
    await _open_tool(page, "Faults")
    await page.get_by_label("Method").fill("sendDocument")
    await page.get_by_label("What happens").select_option("429")
    await page.get_by_label("Times").fill("4")
    await page.get_by_label("Retry after").fill("7")
    await page.get_by_role("button", name="Add the fault").click()
    await expect(page.get_by_text("4 more, retry after 7 s")).to_be_visible()
    faults = (await own_sandbox.call("GET", "/faults"))["faults"]
    assert faults == [{"method": "senddocument", "kind": "429", "times": 4, "retry_after": 7}]
    await page.get_by_role("button", name="Clear all faults").click()
    await expect(page.get_by_text("No faults.")).to_be_visible()
    assert (await own_sandbox.call("GET", "/faults"))["faults"] == []


async def test_update_is_delivered_again(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("Say it twice")
    await expect(chat.log.get_by_text("Echo: Say it twice")).to_have_count(1)
    await _open_tool(chat.page, "Updates")
    card = chat.page.locator(".card").filter(has_text="Say it twice")
    await chat.page.get_by_label("How many times to deliver again").fill("1")
    await card.get_by_role("button", name="again").click()
    await expect(chat.log.get_by_text("Echo: Say it twice")).to_have_count(2)
    await card.get_by_role("button", name="as JSON").click()
    await expect(chat.page.get_by_role("dialog")).to_contain_text('"text": "Say it twice"')


async def test_vendor_shows_what_it_was_asked(own_sandbox: PlaygroundSandbox, open_page: OpenPage) -> None:
    body = {"model": "demo-standard", "prompt": "a lighthouse", "reference": "r/0/1", "aspect_ratio": "1:1", "seed": 1}
    async with httpx.AsyncClient(base_url=own_sandbox.url, headers={"Authorization": "Bearer demo"}) as client:
        response = await client.post("/vendor/v1/tasks", json={**body, "kind": "image", "inputs": []})
        assert response.status_code == 201, response.text
    page = (await open_page(own_sandbox.page_url)).page
    await _open_tool(page, "Vendor")
    card = page.locator(".card").filter(has_text="a lighthouse")
    await expect(card).to_contain_text("task · r/0/1")
    await expect(card).to_contain_text("succeeded")
    await expect(page.locator(".figure")).to_have_text("1")
