"""Telegram and an instant vendor in one small ASGI process: what is measured is the product, not its counterparts.

`POST /reset`-free: it only counts. `GET /counts` tells how many messages and photos were sent.
"""

import base64
import io
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from PIL import Image

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def _picture() -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((256, 256)).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


_PNG = _picture()
_MADE = json.dumps(
    {
        "id": "made",
        "image": base64.b64encode(_PNG).decode(),
        "mime": "image/png",
        "width": 256,
        "height": 256,
        "seed": 1,
        "cost_micros": 1000,
    }
).encode()


class Stub:
    """Answers everything at once; tasks run for ever."""

    def __init__(self) -> None:
        self.sent = 0
        self.photos = 0
        self.creates = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        body = self._answer(scope["path"], scope["method"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str, method: str) -> bytes:
        if path == "/counts":
            return json.dumps({"sent": self.sent, "photos": self.photos, "creates": self.creates}).encode()
        if path.startswith("/vendor/"):
            return self._vendor(path, method)
        return self._telegram(path.rpartition("/")[2])

    def _vendor(self, path: str, method: str) -> bytes:
        if path.endswith("/images"):
            self.creates += 1
            return _MADE
        if method == "POST":
            self.creates += 1
            return json.dumps({"id": f"task{self.creates}", "reference": "", "status": "queued"}).encode()
        return json.dumps(
            {
                "id": path.rpartition("/")[2],
                "reference": "",
                "status": "running",
                "percent": 1,
                "queue_position": None,
                "output": None,
                "error": None,
                "cost_micros": 0,
            }
        ).encode()

    def _telegram(self, method: str) -> bytes:
        if not method.startswith("send"):
            return b'{"ok":true,"result":true}'
        self.sent += 1
        message: dict[str, Any] = {
            "message_id": self.sent,
            "date": 1_800_000_000,
            "chat": {"id": 1, "type": "private", "first_name": "Load"},
        }
        if method == "sendPhoto":
            self.photos += 1
            message["photo"] = [
                {"file_id": f"f{self.photos}", "file_unique_id": "u", "width": 256, "height": 256, "file_size": 1}
            ]
        else:
            message["text"] = "x"
        return json.dumps({"ok": True, "result": message}).encode()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


if __name__ == "__main__":
    uvicorn.run(Stub(), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)
