"""Money on the playground: invoices, the payment sheet, the wallet, subscriptions, links that others open."""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.playground import OpenChat, OpenPage, PlaygroundSandbox


async def pay(chat: OpenChat) -> Locator:
    """Open the payment sheet of the newest invoice."""
    await chat.log.get_by_role("button", name="Pay").last.click()
    return chat.page.get_by_role("dialog", name="Confirm your purchase")


async def open_wallet(page: Page) -> Locator:
    await page.get_by_role("button", name="Wallet").click()
    return page.get_by_role("dialog", name="Stars")


async def test_an_invoice_is_paid_and_shows_its_receipt(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/invoice order-1")
    bubble = chat.log.get_by_role("article").filter(has_text="500 credits for pictures and videos.")
    await expect(bubble).to_contain_text("Pro pack")
    sheet = await pay(chat)
    await expect(sheet).to_contain_text("Do you want to buy Pro pack in Starbrush for 450 Stars?")
    await expect(sheet).to_contain_text("Balance10,000")
    await sheet.get_by_role("button", name="Confirm and pay").click()
    await expect(sheet).to_have_count(0)
    await expect(chat.log.get_by_text("You paid 450 Stars for Pro pack")).to_be_visible()
    await expect(chat.page.locator(".message-in").last).to_contain_text("Thank you for 450 Stars")
    await expect(chat.page.get_by_role("button", name="Wallet, 9550 Stars")).to_be_visible()
    await bubble.get_by_role("button", name="Receipt").click()
    receipt = chat.page.get_by_role("dialog", name="Receipt")
    wallet = await chat.sandbox.call("GET", f"/users/{chat.user_id}/wallet")
    await expect(receipt).to_contain_text(wallet["transactions"][0]["charge_id"])


async def test_a_refusal_is_read_on_the_sheet_and_costs_nothing(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/invoice refuse")
    sheet = await pay(chat)
    await sheet.get_by_role("button", name="Confirm and pay").click()
    await expect(sheet.get_by_role("alert")).to_have_text("This order is not for sale.")
    await sheet.get_by_role("button", name="Close").click()
    await expect(chat.log.get_by_role("button", name="Pay")).to_be_visible()
    assert (await chat.sandbox.call("GET", f"/users/{chat.user_id}/wallet"))["stars"] == 10_000


async def test_missing_stars_are_added_before_paying(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.sandbox.call("PUT", f"/users/{chat.user_id}/wallet", {"stars": 50})
    await chat.send("/invoice order-2")
    sheet = await pay(chat)
    await sheet.get_by_role("button", name="Add the missing Stars 400").click()
    await sheet.get_by_role("button", name="Confirm and pay").click()
    await expect(chat.page.get_by_role("button", name="Wallet, 0 Stars")).to_be_visible()


async def test_a_subscription_is_paid_by_link_renewed_cancelled_and_resumed(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/club")
    await chat.log.get_by_role("button", name="Subscribe").click()
    sheet = chat.page.get_by_role("dialog", name="Confirm your subscription")
    await expect(sheet).to_contain_text("450 Stars per month")
    await sheet.get_by_role("button", name="Confirm and pay").click()
    await expect(chat.log.get_by_text("You paid 450 Stars for Star club, paid until")).to_be_visible()
    wallet = await open_wallet(chat.page)
    card = wallet.get_by_role("listitem").filter(has_text="/ month")
    await expect(card).to_contain_text("Renews on")
    before = await wallet.locator(".wallet-clock span").inner_text()
    await wallet.get_by_role("button", name="+30 days").click()
    await expect(wallet.locator(".wallet-clock span")).not_to_have_text(before)
    await expect(chat.log.get_by_text("The subscription was renewed: 450 Stars for Star club")).to_be_attached()
    await expect(wallet).to_contain_text("9,100")
    await card.get_by_role("button", name="Cancel").click()
    await expect(card).to_contain_text("Cancelled, ends on")
    await card.get_by_role("button", name="Resume").click()
    await expect(card).to_contain_text("Renews on")
    await card.get_by_role("button", name="Renewals").click()
    await expect(card).to_contain_text("Renewals: the same charge id")
    await card.get_by_role("button", name="Cancel").click()
    await wallet.get_by_role("button", name="+30 days").click()
    await expect(card).to_contain_text("Ended on")


async def test_telegram_gives_stars_back_on_request(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/invoice order-3")
    await (await pay(chat)).get_by_role("button", name="Confirm and pay").click()
    wallet = await open_wallet(chat.page)
    await wallet.locator("summary").first.click()
    await wallet.get_by_role("button", name="Ask Telegram for a refund").click()
    await chat.page.get_by_role("button", name="Refund", exact=True).click()
    await expect(wallet).to_contain_text("Refund: Pro pack")
    await expect(wallet).to_contain_text("+450")
    await expect(chat.log.get_by_text("450 Stars came back")).to_be_attached()
    await expect(chat.log.get_by_text("You have your Stars back")).to_be_attached()


async def test_a_charge_that_the_bot_did_not_hear_of_is_told_later(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/invoice order-4")
    sheet = await pay(chat)
    await sheet.get_by_text("What the sandbox can do with it").click()
    await sheet.get_by_label("Charge, but let the bot never hear of it").check()
    await sheet.get_by_role("button", name="Confirm and pay").click()
    await expect(chat.log.get_by_role("button", name="Receipt")).to_be_visible()
    await expect(chat.log.get_by_text("Thank you")).to_have_count(0)
    wallet = await open_wallet(chat.page)
    await wallet.locator("summary").first.click()
    await wallet.get_by_role("button", name="Tell the bot again").click()
    await expect(chat.log.get_by_text("Thank you for 450 Stars")).to_be_attached()


async def test_a_payment_that_fails_after_the_bots_yes_charges_nothing(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/invoice order-5")
    sheet = await pay(chat)
    await sheet.get_by_text("What the sandbox can do with it").click()
    await sheet.get_by_label("Let the payment fail").check()
    await sheet.get_by_role("button", name="Confirm and pay").click()
    await expect(sheet.get_by_role("alert")).to_contain_text("Nothing was charged.")
    assert (await chat.sandbox.call("GET", f"/users/{chat.user_id}/wallet"))["transactions"] == []


@pytest.mark.parametrize("width", [390, 1280])
async def test_a_shared_link_starts_the_bot_as_somebody_else(
    open_chat: OpenPage, playground: PlaygroundSandbox, width: int
) -> None:
    other = await playground.new_user("The Invited", started=True)
    chat = await open_chat(width=width)
    await chat.send("/gift")
    await chat.log.get_by_role("button", name="Give it").click()
    await chat.page.get_by_role("dialog").get_by_role("button", name="The Invited").first.click()
    column = chat.page.locator(f'.column[data-user="{other}"]')
    await expect(column.get_by_text("Started with gift_7")).to_be_visible()
    assert [message.get("text") for message in await playground.messages(other)][2] == "/start gift_7"


async def test_a_link_may_bring_a_new_person_or_stay_here(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/gift")
    link = chat.log.get_by_role("link", name="start=gift_7")
    await link.click()
    await chat.page.get_by_role("dialog").get_by_role("button", name="this chat").click()
    await expect(chat.log.get_by_text("Started with gift_7")).to_be_visible()
    await link.click()
    await chat.page.get_by_role("dialog").get_by_role("button", name="New person").click()
    dialog = chat.page.get_by_role("dialog", name="New person")
    await dialog.get_by_label("First name").fill("Brought By A Link")
    await dialog.get_by_role("button", name="Create").click()
    column = chat.page.get_by_role("region", name="Chat of Brought By A Link")
    await expect(column.get_by_text("Started with gift_7")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_money_fits_on_the_page(open_chat: OpenPage, width: int) -> None:
    chat = await open_chat(width=width, height=640)
    await chat.send("/invoice order-6")
    sheet = await pay(chat)
    await expect(sheet.get_by_role("button", name="Confirm and pay")).to_be_in_viewport()
    await sheet.get_by_role("button", name="Confirm and pay").click()
    wallet = await open_wallet(chat.page)
    await expect(wallet.get_by_role("button", name="Close")).to_be_in_viewport()
    await expect(wallet.get_by_role("button", name="+30 days")).to_be_in_viewport()
    overflow = await wallet.evaluate("element => element.scrollWidth - element.clientWidth")
    assert overflow <= 0
    await wallet.get_by_role("button", name="Close").click()
    assert await chat.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
