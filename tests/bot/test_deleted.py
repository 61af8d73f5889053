"""The buttons of a picture that was deleted: they start nothing, and say that it is gone."""

from app.container import Container
from app.domain.actors import Actor
from tests.bot.conftest import NewPhone


async def test_the_old_buttons_of_a_deleted_picture_say_that_it_is_gone(
    new_phone: NewPhone, working: Container
) -> None:
    phone = await new_phone()
    card = await phone.ask("a secret wish")
    await phone.tap(card, "Create")
    result = await phone.find("Your picture is ready")
    user = await working.services.users.get_by_telegram_id(phone.id)
    actor = Actor.user(user.id)
    (made,) = (await working.services.generations.list_(actor)).items
    await working.services.generations.delete(actor, made.id)
    answers = [
        await phone.start_again(await phone.look(card) or {}),
        await phone.start_again(result, "Again"),
        await phone.start_again(result, "Variation"),
    ]
    assert {answer["text"] for answer in answers} == {"It is not there (any more)."}
    assert (await working.services.generations.list_(actor)).items == ()
