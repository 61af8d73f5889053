"""Faults on order: the next calls of a method go wrong in a chosen way."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.http import drop_connection, wait_disconnect
from app.sandbox.store import Json, Store

_KEY: Final = "faults"
# Longer than any client waits, so that it is the client that gives up.
_HANG_SECONDS: Final = 70.0
_ANY_METHOD: Final = "*"


class FaultKind(StrEnum):
    """How a call goes wrong."""

    TOO_MANY = "429"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    FORBIDDEN = "403"
    OUT_OF_MONEY = "402"
    TIMEOUT = "timeout"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to calls of `method` (`*`: every Bot API method), `times` times or, if None, until it is cleared."""

    method: str
    kind: FaultKind
    times: int | None
    retry_after: int

    def matches(self, method: str) -> bool:
        is_bot_method = ":" not in method
        return self.method == method or (self.method == _ANY_METHOD and is_bot_method)


class FaultBox:
    """The ordered faults, oldest first; kept over a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._faults = [
            Fault(**{**fault, "kind": FaultKind(fault["kind"])}) for fault in store.find_setting(_KEY) or []
        ]
        self._cleared = asyncio.Event()

    def add(self, fault: Fault) -> None:
        """Order a fault; method names are compared in lower case."""
        self._faults.append(replace(fault, method=fault.method.lower()))
        self._keep()

    def clear(self) -> None:
        """Everything works again; calls that hang are let go."""
        self._faults.clear()
        self._keep()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def described(self) -> list[Json]:
        """The faults still ordered."""
        return [asdict(fault) for fault in self._faults]

    async def run(
        self,
        request: Request,
        method: str,
        perform: Callable[[], Awaitable[Response]],
        refuse: Callable[[Fault], Response],
    ) -> Response:
        """Perform the call, or what was ordered instead; `refuse` words the answers with a status."""
        fault = self._take(method.lower())
        if fault is None:
            return await perform()
        match fault.kind:
            case FaultKind.DROP_BEFORE:
                return await drop_connection(request)
            case FaultKind.DROP_AFTER:
                await perform()
                return await drop_connection(request)
            case FaultKind.TIMEOUT:
                await self._hang(request)
                return await drop_connection(request)
            case _:
                return refuse(fault)

    def _take(self, method: str) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if fault.matches(method):
                if fault.times is not None:
                    self._count_down(index, fault, fault.times)
                return fault
        return None

    def _count_down(self, index: int, fault: Fault, times: int) -> None:
        if times > 1:
            self._faults[index] = replace(fault, times=times - 1)
        else:
            del self._faults[index]
        self._keep()

    def _keep(self) -> None:
        self._store.put_setting(_KEY, self.described())

    async def _hang(self, request: Request) -> None:
        """Until the caller leaves, the faults are cleared, or the limit is reached."""
        ends = [asyncio.create_task(wait_disconnect(request)), asyncio.create_task(self._cleared.wait())]
        await asyncio.wait(ends, timeout=_HANG_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
