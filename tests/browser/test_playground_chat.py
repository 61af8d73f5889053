"""Writing with the bot: text, buttons, edits, keyboards, answers, several people."""

import asyncio
import re

import pytest
from playwright.async_api import Route, expect

from tests.browser.playground import OpenPage, PlaygroundSandbox
from tests.browser.scripted_bot import SlowAnswers


async def test_new_person_reads_what_the_bot_can_do_and_starts_it(open_chat: OpenPage) -> None:
    chat = await open_chat(started=False)
    await expect(chat.page.get_by_text("Paints pictures from words.")).to_be_visible()
    await chat.page.get_by_role("button", name="Start", exact=True).click()
    await expect(chat.page.get_by_role("article").get_by_text("Bold", exact=True)).to_be_visible()
    await expect(chat.page.get_by_label("Message", exact=True)).to_be_visible()


async def test_entities_become_elements(open_chat: OpenPage) -> None:
    chat = await open_chat()
    greeting = chat.page.locator(".message-in").first
    for tag, words in {"strong": "Bold", "em": "italic", "u": "underlined", "s": "struck"}.items():
        await expect(greeting.locator(tag)).to_have_text(words)
    await expect(greeting.locator("code").first).to_have_text("code")
    await expect(greeting.locator("blockquote")).to_have_text("A quote of two\nlines")
    await expect(greeting.locator("pre")).to_have_count(1)
    await expect(greeting.locator("pre[data-language=python]")).to_contain_text('print("hello")')
    await expect(greeting.get_by_role("link", name="a link")).to_have_attribute("href", "https://example.org/")


async def test_spoiler_is_read_after_a_tap(open_chat: OpenPage) -> None:
    chat = await open_chat()
    secret = chat.log.get_by_text("a secret")
    await expect(secret).to_have_css("opacity", "0")
    await chat.page.get_by_role("button", name="Hidden text, show it").click()
    await expect(secret).to_have_css("opacity", "1")


async def test_command_in_a_text_is_sent_by_a_tap(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.log.get_by_role("button", name="/photo", exact=True).click()
    await expect(chat.sent).to_contain_text("/photo")


async def test_message_shows_at_once_and_is_ticked_when_stored_and_delivered(open_chat: OpenPage) -> None:
    chat = await open_chat()
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        await released.wait()
        await route.continue_()

    await chat.page.route("**/messages", hold)
    await chat.send("Is anybody there?")
    await expect(chat.sent).to_contain_text("Is anybody there?")
    await expect(chat.sent.get_by_role("img", name="Being sent")).to_be_visible()
    released.set()
    await expect(chat.sent.get_by_role("img", name="Delivered to the bot")).to_be_visible()
    await expect(chat.page.locator(".message-in").last).to_contain_text("Echo: Is anybody there?")
    assert await chat.sent.count() == 1


async def test_message_that_arrives_while_the_chat_is_read_is_kept(
    open_page: OpenPage, playground: PlaygroundSandbox, bot: SlowAnswers
) -> None:
    user_id = await playground.new_user(started=True)
    page = (await open_page(playground.page_url)).page
    read, may_answer = asyncio.Event(), asyncio.Event()

    async def answer_late(route: Route) -> None:
        response = await route.fetch()
        read.set()
        await may_answer.wait()
        await route.fulfill(response=response)

    await page.route("**/chat", answer_late)
    await page.locator(f'[data-person="{user_id}"]').click()
    await read.wait()
    await playground.write(user_id, "In between")
    await expect(page.locator(f'[data-person="{user_id}"]')).to_contain_text("Echo: In between")
    may_answer.set()
    await expect(page.get_by_role("log").get_by_text("Echo: In between")).to_be_visible()


async def test_message_that_failed_can_be_sent_again(open_chat: OpenPage) -> None:
    chat = await open_chat()
    chat.watched.expects_failures = True

    async def cut(route: Route) -> None:
        await route.abort()

    await chat.page.route("**/messages", cut)
    await chat.send("Second try")
    await expect(chat.page.get_by_role("img", name="Not sent")).to_be_visible()
    await chat.page.unroute("**/messages")
    await chat.page.get_by_role("button", name="Send again").click()
    await expect(chat.page.locator(".message-in").last).to_contain_text("Echo: Second try")
    await expect(chat.page.get_by_role("img", name="Not sent")).to_have_count(0)


async def test_tapped_button_shows_the_answer_as_a_notice(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.page.get_by_role("button", name="Toast").click()
    await expect(chat.page.get_by_role("status").get_by_text("A short answer")).to_be_visible()


async def test_loud_answer_is_a_window_that_gives_the_focus_back(open_chat: OpenPage) -> None:
    chat = await open_chat()
    button = chat.page.get_by_role("button", name="Alert", exact=True)
    await button.click()
    dialog = chat.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("A loud answer")
    await dialog.get_by_role("button", name="OK").click()
    await expect(dialog).to_have_count(0)
    await expect(button).to_be_focused()


async def test_button_is_busy_until_the_bot_answers(open_chat: OpenPage, bot: SlowAnswers) -> None:
    chat = await open_chat()
    button = chat.page.get_by_role("button", name="Slow answer")
    await button.click()
    await expect(button).to_have_attribute("aria-busy", "true")
    await expect(button.locator(".spinner")).to_be_visible()
    bot.released.set()
    await expect(chat.page.get_by_text("At last")).to_be_visible()
    await expect(button).not_to_have_attribute("aria-busy", "true")


async def test_edited_message_changes_in_place_and_says_so(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/edit")
    message = chat.page.get_by_role("article").filter(has_text="Before the edit")
    await message.get_by_role("button", name="Edit").click()
    edited = chat.page.get_by_role("article").filter(has_text="After the edit")
    await expect(edited).to_contain_text("edited")
    await expect(edited.get_by_role("button", name="Edit")).to_have_count(0)
    await expect(chat.log.get_by_text("Before the edit")).to_have_count(0)


async def test_deleted_message_vanishes(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/edit")
    message = chat.page.get_by_role("article").filter(has_text="Before the edit")
    await message.get_by_role("button", name="Delete").click()
    await expect(message).to_have_count(0)


async def test_a_message_that_came_after_the_list_was_asked_for_stays_the_last(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/edit")
    asked, released = asyncio.Event(), asyncio.Event()

    async def answer_late(route: Route) -> None:
        response = await route.fetch()
        asked.set()
        await released.wait()
        await route.fulfill(response=response)

    await chat.page.route("**/sandbox/api/chats", answer_late)
    await chat.log.get_by_role("button", name="Delete").click()
    await asked.wait()
    await chat.sandbox.write(chat.user_id, "The newest")
    row = chat.page.locator(f'[data-person="{chat.user_id}"]')
    await expect(row).to_contain_text("Echo: The newest")
    async with chat.page.expect_response("**/sandbox/api/chats"):
        released.set()
    await chat.page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    await expect(row).to_contain_text("Echo: The newest")


async def test_reply_keyboard_writes_its_words_and_leaves_when_told(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/keyboard")
    keyboard = chat.page.get_by_role("group", name="Keyboard of the bot")
    await keyboard.get_by_role("button", name="Red").click()
    await expect(chat.page.locator(".message-in").last).to_contain_text("Echo: Red")
    await expect(chat.page.get_by_label("Message", exact=True)).to_have_attribute("placeholder", "Choose a colour")
    await chat.page.get_by_role("button", name="Show or hide the bot's keyboard").click()
    await expect(keyboard).to_be_hidden()
    await chat.page.get_by_role("button", name="Show or hide the bot's keyboard").click()
    await keyboard.get_by_role("button", name="Hide the keyboard").click()
    await expect(keyboard).to_be_hidden()


async def test_a_keyboard_that_came_while_the_chat_was_read_stays(open_chat: OpenPage) -> None:
    chat = await open_chat()
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        response = await route.fetch()
        await released.wait()
        await route.fulfill(response=response)

    async with chat.page.expect_request(f"**/users/{chat.user_id}/chat*"):
        await chat.page.route(f"**/users/{chat.user_id}/chat*", hold)
        await chat.page.reload()
    await chat.sandbox.write(chat.user_id, "/keyboard")
    await chat.sandbox.wait_messages(chat.user_id, 4)
    # The list of people tells of it by the same stream as the chat.
    await expect(chat.page.get_by_text("Which colour?").first).to_be_visible()
    released.set()
    await expect(chat.log.get_by_text("/keyboard")).to_be_visible()
    await expect(chat.page.get_by_role("group", name="Keyboard of the bot")).to_be_visible()


async def test_reply_quotes_the_answered_message(open_chat: OpenPage) -> None:
    chat = await open_chat()
    greeting = chat.page.locator(".message-in").first
    await greeting.hover()
    await greeting.get_by_role("button", name="Message menu").click()
    await chat.page.get_by_role("menuitem", name="Reply").click()
    await chat.send("An answer to you")
    await expect(chat.sent.get_by_role("button", name="Go to the answered message")).to_contain_text("Bold, italic")
    messages = await chat.sandbox.wait_messages(chat.user_id, 4)
    assert messages[2]["reply_to_message"]["message_id"] == messages[1]["message_id"]


async def test_commands_are_found_while_typing_and_chosen_by_keys(open_chat: OpenPage) -> None:
    chat = await open_chat()
    field = chat.page.get_by_label("Message", exact=True)
    await field.press_sequentially("/")
    options = chat.page.get_by_role("option")
    await expect(options).to_have_count(3)
    await field.press_sequentially("al")
    await expect(options).to_have_text([re.compile("/album.*Send me an album")])
    await field.press("Enter")
    await expect(chat.sent).to_contain_text("/album")


async def test_chat_action_shows_in_the_header(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/typing")
    await expect(chat.page.get_by_text("sending a photo")).to_be_visible()


async def test_link_is_opened_only_after_a_question(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/odd")
    await chat.log.get_by_role("button", name="Link", exact=True).click()
    dialog = chat.page.get_by_role("dialog", name="Open this link?")
    await expect(dialog).to_contain_text("https://example.org/")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)


async def test_blocked_bot_can_be_unblocked(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.page.get_by_role("button", name="Chat menu").click()
    await chat.page.get_by_role("menuitem", name="Stop and block the bot").click()
    unblock = chat.page.get_by_role("button", name="Unblock the bot")
    await expect(unblock).to_be_visible()
    assert (await chat.sandbox.call("GET", f"/users/{chat.user_id}"))["blocked"] is True
    await unblock.click()
    await expect(chat.page.get_by_label("Message", exact=True)).to_be_visible()
    assert (await chat.sandbox.call("GET", f"/users/{chat.user_id}"))["blocked"] is False


async def test_new_person_is_made_in_the_list(
    playground: PlaygroundSandbox, bot: SlowAnswers, open_page: OpenPage
) -> None:
    page = (await open_page(playground.page_url)).page
    await page.get_by_role("button", name="New person").click()
    dialog = page.get_by_role("dialog", name="New person")
    await dialog.get_by_label("First name").fill("Ольга Новая")
    await dialog.get_by_label("Language").select_option("ru")
    await dialog.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    users = (await playground.call("GET", "/users"))["users"]
    assert [user["language_code"] for user in users if user["first_name"] == "Ольга Новая"] == ["ru"]


async def test_a_person_made_while_the_people_are_read_stays(
    playground: PlaygroundSandbox, bot: SlowAnswers, open_page: OpenPage
) -> None:
    page = (await open_page(playground.page_url)).page
    asked, released = asyncio.Event(), asyncio.Event()

    async def answer_late(route: Route) -> None:
        if route.request.method != "GET":
            await route.continue_()
            return
        response = await route.fetch()
        asked.set()
        await released.wait()
        await route.fulfill(response=response)

    # The page looks for people by itself, every few seconds.
    await page.route("**/sandbox/api/users", answer_late)
    await asked.wait()
    await page.get_by_role("button", name="New person").click()
    dialog = page.get_by_role("dialog", name="New person")
    await dialog.get_by_label("First name").fill("Made In Between")
    await dialog.get_by_role("button", name="Create").click()
    column = page.get_by_role("region", name="Chat of Made In Between")
    await expect(column).to_be_visible()
    await column.evaluate("column => { column.dataset.witness = 'same'; }")
    async with page.expect_response("**/sandbox/api/users"):
        released.set()
    # The next answer knows of everybody; a column that was closed in between would be another one by then.
    async with page.expect_response("**/sandbox/api/users"):
        pass
    await expect(column).to_have_attribute("data-witness", "same")


async def test_two_people_talk_side_by_side(open_chat: OpenPage, playground: PlaygroundSandbox) -> None:
    other = await playground.new_user("Second Person", started=True)
    chat = await open_chat(first_name="First Person")
    row = chat.page.locator(".person").filter(has=chat.page.locator(f'[data-person="{other}"]'))
    await row.hover()
    await row.get_by_role("button", name="Open the chat of Second Person beside").click()
    for user_id, words in ((chat.user_id, "I am the first"), (other, "I am the second")):
        column = chat.page.locator(f'.column[data-user="{user_id}"]')
        await column.get_by_label("Message", exact=True).fill(words)
        await column.get_by_role("button", name="Send", exact=True).click()
        await expect(column.locator(".message-in").last).to_contain_text(f"Echo: {words}")
    texts = [message.get("text") for message in await playground.messages(other)]
    assert "I am the second" in texts
    assert "I am the first" not in texts


async def test_unread_mark_stays_until_the_chat_is_opened(open_chat: OpenPage, playground: PlaygroundSandbox) -> None:
    other = await playground.new_user("Waiting Person", started=True)
    chat = await open_chat()
    row = chat.page.locator(f'[data-person="{other}"]')
    await expect(row.get_by_text("unread")).to_be_attached()
    await row.click()
    await expect(chat.page.locator(f'.column[data-user="{other}"]').get_by_role("article").first).to_be_visible()
    await chat.page.locator(f'[data-person="{chat.user_id}"]').click()
    await expect(row.get_by_text("unread")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_hostile_texts_stay_text_inside_the_page(open_chat: OpenPage, width: int) -> None:
    attack = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    chat = await open_chat(first_name=attack[:64], width=width, height=844)
    texts = [attack, "W" * 4000, "🎨🚀" * 200, "مرحبا <b>بالعالم</b> " * 20, "a\n" * 60, "javascript:alert(1)"]
    for text in texts:
        await chat.sandbox.write(chat.user_id, text)
    await expect(chat.page.locator(".message-in")).to_have_count(len(texts) + 1)
    await expect(chat.log.get_by_text(attack, exact=True)).to_be_attached()
    assert await chat.page.locator(".list-rows img, .list-rows script").count() == 0
    assert await chat.page.title() == "Starbrush playground"
    overflow = await chat.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
    inner = await chat.page.locator(".list-scroller").evaluate("element => element.scrollWidth - element.clientWidth")
    assert inner <= 0
    widest = await chat.page.evaluate(
        "Math.max(...[...document.querySelectorAll('.bubble')].map(bubble => bubble.getBoundingClientRect().right))"
    )
    assert widest <= width


async def test_older_messages_come_while_the_reader_keeps_the_place(
    open_chat: OpenPage, playground: PlaygroundSandbox
) -> None:
    user_id = await playground.new_user(started=True)
    for number in range(70):
        await playground.write(user_id, f"Line {number}")
    await playground.wait_messages(user_id, 142)
    chat = await open_chat(user_id=user_id)
    await expect(chat.log.get_by_text("Echo: Line 69", exact=True)).to_be_in_viewport()
    await expect(chat.log.get_by_text("Line 0", exact=True)).to_have_count(0)
    oldest = chat.page.get_by_role("article").first
    marked = (await oldest.get_attribute("data-message")) or ""
    await chat.page.locator(".list-scroller").evaluate("element => { element.scrollTop = 0; }")
    await expect(oldest).not_to_have_attribute("data-message", marked)
    await expect(chat.page.locator(f'[data-message="{marked}"]')).to_be_in_viewport()


async def test_button_leads_down_and_counts_what_arrived(open_chat: OpenPage) -> None:
    chat = await open_chat()
    for number in range(12):
        await chat.sandbox.write(chat.user_id, f"Line {number}")
    await expect(chat.log.get_by_text("Echo: Line 11", exact=True)).to_be_in_viewport()
    await chat.page.locator(".list-scroller").evaluate("element => { element.scrollTop = 0; }")
    down = chat.page.get_by_role("button", name="Scroll to the newest message")
    await expect(down).to_be_visible()
    await chat.sandbox.write(chat.user_id, "While you read")
    await expect(down).to_contain_text("1")
    await down.click()
    await expect(chat.log.get_by_text("Echo: While you read", exact=True)).to_be_in_viewport()
    await expect(down).to_be_hidden()
