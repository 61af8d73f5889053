"""How Telegram is told where we are."""

from app.bot.commands import COMMANDS
from app.bot.setup import ALLOWED_UPDATES, Telegram, build_dispatcher
from app.container import Container
from app.core.i18n import LANGUAGES
from tests.bot.phone import until
from tests.harness import WEBHOOK_SECRET
from tests.sandbox.rig import Sandbox


async def test_webhook_commands_and_menu_are_set(bot: Telegram, container: Container, sandbox: Sandbox) -> None:
    known = (await sandbox.control.get("/bot")).json()
    assert (known["webhook_url"], known["webhook_secret"]) == (container.settings.webhook_url, WEBHOOK_SECRET)

    async def is_complete() -> bool:
        return bool(await sandbox.bot.get_my_commands(language_code=LANGUAGES[-1]))

    await until(is_complete)
    info = await sandbox.bot.get_webhook_info()
    assert set(info.allowed_updates or ()) == set(ALLOWED_UPDATES)
    assert info.max_connections == 40
    menus = {language: await sandbox.bot.get_my_commands(language_code=language) for language in (None, *LANGUAGES)}
    assert all(tuple(command.command for command in menu) == COMMANDS for menu in menus.values())
    assert menus[None] == menus["en"]
    assert len({menus[language][1].description for language in LANGUAGES}) == 3


async def test_what_was_sent_during_a_deploy_is_not_dropped(container: Container, sandbox: Sandbox) -> None:
    """Trap 15."""
    user_id = await sandbox.user()
    telegram = Telegram(container)
    await telegram.start()

    async def is_set() -> bool:
        return (await sandbox.control.get("/bot")).json()["webhook_url"] is not None

    await until(is_set)
    pending = (await sandbox.control.get("/updates")).json()["pending"]
    assert [update["update"]["message"]["from"]["id"] for update in pending] == [user_id]
    await telegram.stop()


async def test_a_telegram_that_is_away_at_the_start_is_told_later(container: Container, sandbox: Sandbox) -> None:
    await sandbox.fault("setWebhook", "500", times=1)
    telegram = Telegram(container)
    await telegram.start()

    async def is_set() -> bool:
        return (await sandbox.control.get("/bot")).json()["webhook_url"] is not None

    await until(is_set)
    await telegram.stop()


async def test_stopping_does_not_wait_for_a_telegram_that_is_away(container: Container, sandbox: Sandbox) -> None:
    await sandbox.fault("setWebhook", "500")
    telegram = Telegram(container)
    await telegram.start()
    await telegram.stop()


async def test_every_allowed_update_has_a_handler_or_a_reason(container: Container) -> None:
    """What moves money goes through the inbox, past every handler (trap 46)."""
    used = set(build_dispatcher(container).resolve_used_update_types())
    assert used - {"update"} == {"message", "callback_query", "my_chat_member", "pre_checkout_query"}
    assert set(ALLOWED_UPDATES) - used == {"subscription"}
