"""Progress, results and what their buttons do, with a worker and the demo vendor."""

from collections.abc import Sequence

from app.container import Container
from app.core.ids import shorten
from app.domain.actors import Actor
from app.domain.generations.models import Status
from app.domain.generations.views import GenerationView
from tests.bot.conftest import NewPhone
from tests.bot.phone import Json, Phone, button_of, buttons_of, until, words_of
from tests.bot.updates import post, tap_on

OPERATOR = Actor.operator("tests")


async def generations(container: Container, phone: Phone) -> Sequence[GenerationView]:
    user = await container.services.users.get_by_telegram_id(phone.id)
    return (await container.services.generations.list_(Actor.user(user.id), limit=50)).items


async def start(phone: Phone, prompt: str, *choices: str) -> Json:
    """Start a prompt; the card's message."""
    card = await phone.ask(prompt)
    for choice in choices:
        await phone.tap(card, choice)
        card = await phone.look(card) or {}
    await phone.tap_data(card, buttons_of(card)[0]["callback_data"])
    return card


async def test_a_result_has_the_money_and_its_buttons_work(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await start(phone, "a kite")
    result = await phone.find("Your picture is ready")
    assert "photo" in result
    assert "Held 4 💎 · charged 4 💎 · returned 0 💎" in words_of(result)
    assert [button["text"] for button in buttons_of(result)] == [
        "🔁 Again · 4 💎",
        "🎲 Variation · 4 💎",
        "✏️ Edit",
        "🔍 Enlarge",
        "🎬 Animate",
        "📎 Original as a file",
    ]
    assert (await phone.tap(result, "Original") or {})["text"] == "📎 On its way"
    original = await phone.find("In full quality")
    assert original["document"]["mime_type"] == "image/png"


async def test_again_and_variation_start_one_each_however_often_tapped(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await start(phone, "a kite")
    result = await phone.find("Your picture is ready")
    again = button_of(result, "Again")["callback_data"]
    for _ in range(2):
        await phone.control.post(
            f"/users/{phone.id}/callbacks", json={"message_id": result["message_id"], "data": again}
        )
        # The second tap was made before the first one's edit came: its button is a new one by now.
        if again not in [button["callback_data"] for button in buttons_of(await phone.look(result) or {})]:
            break
    assert len(await generations(working, phone)) == 2
    await phone.start_again(result, "Variation")
    variation, same, first = await generations(working, phone)
    assert (same.options.seed, variation.parent_id) == (first.options.seed, first.id)
    assert variation.options.seed != first.options.seed or first.options.seed is None
    assert button_of(await phone.look(result) or {}, "Again")["callback_data"] != again


async def test_several_pictures_come_as_an_album_with_a_receipt(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await start(phone, "a kite", "×3")
    receipt = await phone.find("Held 12 💎 · charged 12 💎")
    album = [message for message in await phone.said() if "media_group_id" in message]
    assert len(album) == 3
    assert "Your 3 pictures are ready" in words_of(album[0])
    await phone.tap(receipt, "Originals")

    async def files() -> list[Json] | None:
        documents = [message for message in await phone.said() if "document" in message]
        return documents if len(documents) == 3 else None

    assert await until(files)


async def test_failures_and_rejections_say_where_the_money_is(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone(language="ru")
    await start(phone, "[fail] змей")
    failed = await phone.find("Не получилось.")
    assert "4 💎 возвращены." in words_of(failed)
    assert button_of(failed, "Попробовать ещё раз · 4 💎")
    await start(phone, "[reject] змей")
    rejected = await phone.find("Модель отказалась")
    assert "4 💎 возвращены." in words_of(rejected)
    assert "Доступно: 20 💎" in words_of(await phone.ask("/balance"))


async def test_a_waiting_generation_is_cancelled_in_full(new_phone: NewPhone, container: Container) -> None:
    """Without a worker everything waits."""
    phone = await new_phone()
    await start(phone, "a kite")
    (view,) = await generations(container, phone)
    await phone.write("/cancel")

    async def is_cancelled() -> bool:
        return (await generations(container, phone))[0].status is Status.CANCELLED

    await until(is_cancelled)
    assert "Available: 20 💎" in words_of(await phone.ask("/balance"))
    assert view.is_open


async def test_progress_is_one_message_that_goes_when_the_result_has_come(
    new_phone: NewPhone, working: Container
) -> None:
    phone = await new_phone()
    # Long enough for a busy machine to be seen painting.
    await start(phone, "[task] [slow 8] a kite")
    progress = await phone.find("🎨 Standard\n", after=3)
    assert "a kite" in words_of(progress)

    async def is_painting() -> bool:
        return "Painting" in words_of(await phone.look(progress) or {})

    await until(is_painting)
    await phone.find("Your picture is ready")

    async def is_gone() -> bool:
        return await phone.look(progress) is None

    await until(is_gone)


async def test_what_is_being_made_is_cancelled_where_the_vendor_stops_free(
    new_phone: NewPhone, working: Container
) -> None:
    phone = await new_phone()
    await start(phone, "[task] [slow 60] a kite")
    progress = await phone.find("Painting")
    answer = await phone.tap(progress, "Cancel") or {}
    assert answer["text"] in {"Stopping…", "Cancelled. 4 💎 were returned."}
    assert "4 💎 were returned." in words_of(await phone.find("Cancelled."))


async def test_what_cannot_be_stopped_says_so(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await start(phone, "[now] [slow 6] a kite")

    async def is_at_vendor() -> bool:
        return (await generations(working, phone))[0].status is Status.PROCESSING and bool(
            (await phone.control.get("/vendor")).json()["tasks"]
        )

    await until(is_at_vendor)
    assert "can no longer be cancelled" in words_of(await phone.ask("/cancel"))
    await phone.find("Your picture is ready")


async def test_the_history_opens_repeats_and_deletes(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await start(phone, "a kite")
    await phone.find("Your picture is ready")
    history = await phone.ask("/history")
    assert "1. ✅ a kite" in words_of(history)
    await phone.tap_data(history, buttons_of(history)[0]["callback_data"])
    item = await phone.find("✅ Ready")
    assert "photo" in item
    await phone.tap(item, "Repeat")
    card = await phone.find("Price: 4 💎", after=item["message_id"])
    assert "a kite" in words_of(card)
    await phone.tap(item, "Delete")
    asked = await phone.look(item) or {}
    await phone.tap(asked, "Keep it")
    assert button_of(await phone.look(item) or {}, "Repeat")
    await phone.tap(await phone.look(item) or {}, "Delete")
    await phone.tap(await phone.look(item) or {}, "Yes, delete")
    assert await phone.look(item) is None
    assert "Nothing here yet" in words_of(await phone.ask("/history"))


async def test_the_history_has_pages_and_filters(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    await container.services.credits.adjust(OPERATOR, phone.id, 100, reason="a test")
    for number in range(7):
        await start(phone, f"kite {number}")
        await phone.write("/cancel")

        async def is_over() -> bool:
            return not any(view.is_open for view in await generations(container, phone))

        await until(is_over)
    history = await phone.ask("/history")
    assert "kite 6" in words_of(history)
    assert "kite 1" not in words_of(history)
    await phone.tap(history, "Older")
    assert "kite 1" in words_of(await phone.look(history) or {})
    await phone.tap(await phone.look(history) or {}, "Newer")
    await phone.tap(await phone.look(history) or {}, "Ready")
    assert "Nothing of this kind" in words_of(await phone.look(history) or {})
    statement = await phone.ask("/balance")
    await phone.tap(statement, "Older")
    assert "+20 💎 Gift" in words_of(await phone.look(statement) or {})


async def test_the_history_is_filtered_by_kind_and_status_together(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await start(phone, "[now] a kite")
    result = await phone.find("Your picture is ready")
    await phone.tap(result, "Enlarge")
    await phone.tap(await phone.find("Larger", after=result["message_id"]), "Create")

    async def are_over() -> bool:
        made = await generations(working, phone)
        return len(made) == 2 and not any(view.is_open for view in made)

    await until(are_over)
    history = await phone.ask("/history")

    async def shown(label: str) -> list[str]:
        await phone.tap(await phone.look(history) or {}, label)
        return [
            line.partition(". ")[2] for line in words_of(await phone.look(history) or {}).split("\n") if ". " in line
        ]

    titles = ("Standard ·", "Larger ·")
    assert [words_of(history).count(title) for title in titles] == [1, 1]
    assert len(await shown("Pictures")) == 1
    assert "Standard ·" in words_of(await phone.look(history) or {})
    assert len(await shown("Enlarged")) == 1
    assert "Larger ·" in words_of(await phone.look(history) or {})
    # The other filter keeps this one; a second tap takes it away.
    assert await shown("Not made") == []
    assert "Nothing of this kind" in words_of(await phone.look(history) or {})
    assert len(await shown("Ready")) == 1
    assert len(await shown("✓ 🔍 Enlarged")) == 2
    # A button of an older message says no kind; one that was made up is as if it said none.
    for data in ("h::all.0", "h::all.rockets.0", "h::none.0"):
        assert await post(working.settings, tap_on(phone.id, history["message_id"], data)) == 200
        assert "Ready" in str(buttons_of(await phone.look(history) or {}))
        assert [words_of(await phone.look(history) or {}).count(title) for title in titles] == [1, 1], data


async def test_a_link_to_ones_own_generation_shows_it(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    await start(phone, "a kite")
    await phone.find("Your picture is ready")
    (view,) = await generations(working, phone)
    shown = await phone.ask(f"/start gen_{shorten(view.id)}")
    assert "photo" in shown
    assert "✅ Ready" in words_of(shown)
