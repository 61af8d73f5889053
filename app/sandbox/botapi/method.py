"""What a Bot API method is: a coroutine from the world and a call to the `result` of the answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from app.sandbox.botapi.call import Call
from app.sandbox.world import World

Method = Callable[[World, Call], Awaitable[Any]]
