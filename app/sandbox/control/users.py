"""Control of users: make them, let them write, tap and block, read their chats."""

from typing import Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from app.sandbox import acts
from app.sandbox.acts import ActRefused, Written
from app.sandbox.botapi.call import read_upload
from app.sandbox.control.bodies import NewCallback, NewMessage, NewUser, UserOut
from app.sandbox.control.stream import live_stream
from app.sandbox.files import UPLOAD_LIMIT_BYTES, Upload
from app.sandbox.init_data import sign_init_data
from app.sandbox.people import Person, UserNotFound
from app.sandbox.store import Json
from app.sandbox.world import World, world_of

router = APIRouter(tags=["users"])

_ALBUM_LIMIT: Final = 10
_MESSAGE_BODY: Final[Json] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": NewMessage.model_json_schema(),
                "example": {"text": "a red kite over the sea", "reply_to_message_id": None},
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "photo": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "document": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "caption": {"type": "string"},
                        "reply_to_message_id": {"type": "integer"},
                    },
                }
            },
        },
    }
}


@router.post("/users", response_model_exclude_none=True)
async def create_user(request: Request, body: NewUser) -> UserOut:
    """A new user, who has not started the bot yet."""
    person = world_of(request).people.create(
        first_name=body.first_name,
        last_name=body.last_name,
        username=body.username,
        language_code=body.language_code,
    )
    return _shown(person)


@router.get("/users")
async def list_users(request: Request) -> JSONResponse:
    """Everybody: `{users: […]}`, administrators and a private alert chat included."""
    people = world_of(request).people.list_all()
    return JSONResponse({"users": [_shown(person).model_dump(exclude_none=True) for person in people]})


@router.get("/users/{user_id}", response_model_exclude_none=True)
async def get_user(request: Request, user_id: int) -> UserOut:
    """One user."""
    return _shown(world_of(request).people.get(user_id))


@router.post("/users/{user_id}/messages", openapi_extra=_MESSAGE_BODY)
async def write_message(request: Request, user_id: int) -> JSONResponse:
    """The user writes: `{update_id, message}`, or for an album `{update_ids, messages}`.

    JSON for a text; multipart for a `photo` or `document` (repeated: an album), with `caption`. `update_id` is null
    when the bot does not want this kind of update. The first message, whatever it is, starts the bot; to a blocked
    bot only `/start` can be written, which unblocks it.
    """
    world = world_of(request)
    person = world.people.get(user_id)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        body = await _read_message(request)
        written = acts.write_text(world, person, body.text, reply_to_message_id=body.reply_to_message_id)
        return _answer([written])
    async with request.form(max_files=_ALBUM_LIMIT * 2, max_part_size=UPLOAD_LIMIT_BYTES) as form:
        return _answer(await _write_form(world, person, form))


@router.post("/users/{user_id}/callbacks")
async def tap_button(request: Request, user_id: int, body: NewCallback) -> JSONResponse:
    """The user taps: `{update_id, answer}`; `answer` is `{text, show_alert, url}`, or null when the bot gave none.

    Waits some seconds for the answer. 400 when the message has and had no button with this data.
    """
    world = world_of(request)
    tapped = acts.tap(world, world.people.get(user_id), body.message_id, body.data)
    answer = await acts.wait_answer(world, tapped)
    return JSONResponse({"update_id": tapped.update_id, "answer": answer})


@router.get("/users/{user_id}/chat")
async def read_chat(
    request: Request,
    user_id: int,
    # Empty, as a form's field that was left so, is from the beginning.
    after: int | Literal[""] = Query(
        0, description="a message id: only messages with a greater one, edited ones as they are now"
    ),
) -> JSONResponse:
    """Messages of both sides as Bot API objects, oldest first, edits and deletions applied.

    `{messages: […], reply_keyboard}`; the second is the markup shown below the chat, or null. The id of the alert
    chat works as well, also where it is a group.
    """
    world = world_of(request)
    _check_chat(world, user_id)
    messages = world.history.list_after(user_id, after or 0)
    return JSONResponse({"messages": messages, "reply_keyboard": world.history.find_keyboard(user_id)})


@router.get("/users/{user_id}/events", response_class=StreamingResponse)
async def watch_chat(request: Request, user_id: int) -> StreamingResponse:
    """Server-sent events of the chat, from now on; read the chat after `ready`, again after a reconnect.

    `ready` {}, `message` and `edited` (Bot API messages), `deleted` {message_ids}, `action` {action},
    `answer` {callback_query_id, text, show_alert, url}, `keyboard` {reply_keyboard}, `status` {blocked},
    `wallet` {stars}, `reset` {},
    and `ping` {} every 15 s.
    """
    world = world_of(request)
    _check_chat(world, user_id)
    return StreamingResponse(
        live_stream(world.live, user_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/users/{user_id}/commands")
async def list_commands(request: Request, user_id: int) -> JSONResponse:
    """What this user's app offers: `{commands: [{command, description}], menu_button}`."""
    world = world_of(request)
    person = world.people.get(user_id)
    return JSONResponse(
        {
            "commands": world.profile.list_commands_shown(user_id, person.language_code),
            "menu_button": world.profile.find_menu_button(user_id),
        }
    )


@router.get("/users/{user_id}/init_data")
async def get_init_data(request: Request, user_id: int, start_param: str | None = None) -> JSONResponse:
    """`{init_data}`: what Telegram would hand to the Mini App, signed now by the sandbox's clock."""
    world = world_of(request)
    init_data = sign_init_data(
        world.people.get(user_id),
        bot_token=world.config.bot_token,
        auth_date=world.clock.unix(),
        query_id=f"AAH{world.store.next_number('query_id', first=1_000_000):x}",
        start_param=start_param,
    )
    return JSONResponse({"init_data": init_data})


@router.post("/users/{user_id}/block")
async def block_bot(request: Request, user_id: int) -> JSONResponse:
    """The user blocks the bot: `{update_id}` of the `my_chat_member` update, null when it was blocked already."""
    return _set_blocked(request, user_id, blocked=True)


@router.post("/users/{user_id}/unblock")
async def unblock_bot(request: Request, user_id: int) -> JSONResponse:
    """The user lets the bot in again: `{update_id}`, null when it was not blocked."""
    return _set_blocked(request, user_id, blocked=False)


@router.get("/files/{file_id}", response_class=FileResponse)
async def get_file(request: Request, file_id: str) -> Response:
    """The bytes of a file that a message shows."""
    world = world_of(request)
    file = world.files.find(file_id)
    if file is None:
        return JSONResponse({"error": "there is no such file"}, status_code=404)
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}
    # Shown in place only where no browser runs anything in it.
    is_shown = file.mime.startswith(("image/", "video/")) and file.mime != "image/svg+xml"
    return FileResponse(
        world.files.location(file),
        media_type=file.mime,
        filename=file.name or file.path.rpartition("/")[2],
        content_disposition_type="inline" if is_shown else "attachment",
        headers=headers,
    )


def _set_blocked(request: Request, user_id: int, *, blocked: bool) -> JSONResponse:
    world = world_of(request)
    return JSONResponse({"update_id": acts.set_blocked(world, world.people.get(user_id), blocked=blocked)})


async def _read_message(request: Request) -> NewMessage:
    try:
        return NewMessage.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(str(part) for part in first['loc']) or 'body'}: {first['msg']}"
        raise ActRefused(reason) from error


async def _write_form(world: World, person: Person, form: FormData) -> list[Written]:
    photos, documents = await _uploads(form, "photo"), await _uploads(form, "document")
    if bool(photos) == bool(documents) or len(photos or documents) > _ALBUM_LIMIT:
        reason = "send 1 to 10 photos, or 1 to 10 documents"
        raise ActRefused(reason)
    caption, replied = str(form.get("caption") or ""), str(form.get("reply_to_message_id") or "")
    if replied and not replied.isdigit():
        reason = "reply_to_message_id must be a number"
        raise ActRefused(reason)
    write = acts.write_photos if photos else acts.write_documents
    reply_to = int(replied) if replied else None
    return await write(world, person, photos or documents, caption, reply_to_message_id=reply_to)


async def _uploads(form: FormData, name: str) -> list[Upload]:
    return [await read_upload(value) for value in form.getlist(name) if isinstance(value, UploadFile)]


def _answer(written: list[Written]) -> JSONResponse:
    if len(written) == 1:
        return JSONResponse({"update_id": written[0].update_id, "message": written[0].message})
    body: dict[str, Any] = {
        "update_ids": [one.update_id for one in written],
        "messages": [one.message for one in written],
    }
    return JSONResponse(body)


def _check_chat(world: World, chat_id: int) -> None:
    if world.people.find_chat(chat_id) is None:
        message = f"there is no user {chat_id}"
        raise UserNotFound(message)


def _shown(person: Person) -> UserOut:
    return UserOut(**person.as_user(), started=person.started, blocked=person.blocked)
