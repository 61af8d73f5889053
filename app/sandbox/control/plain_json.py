"""Lets `curl -d '{…}'` do: what the control API gets under the name of a form, or of nothing, is JSON."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_NAMED_WRONGLY: Final = (b"", b"application/x-www-form-urlencoded")


class PlainJson:
    """Names bodies by what they are. No route below the prefix takes such forms, multipart ones are left alone."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._prefix):
            headers = dict(scope["headers"])
            if headers.get(b"content-type", b"") in _NAMED_WRONGLY:
                kept = [pair for pair in scope["headers"] if pair[0] != b"content-type"]
                scope = {**scope, "headers": [*kept, (b"content-type", b"application/json")]}
        await self._app(scope, receive, send)
