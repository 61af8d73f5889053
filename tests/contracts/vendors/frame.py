"""How a vendor is described to the shared suite: the literal exchanges of its facts file, and a server to hold them."""

import asyncio
import email.parser
import email.policy
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.domain.ports import Artifact, Provider, ProviderError, TaskReport, VendorRequest

# Of no vendor: long enough that it can only come from our own header.
KEY = "key-0123456789abcdef"


class Broken(StrEnum):
    """What a network does instead of an answer."""

    SILENT = "silent"
    CLOSED = "closed"
    RESET = "reset"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: `body` as it is when it is bytes, else as JSON. A `held` one comes when the server is released."""

    body: object = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    held: bool = False

    def raw(self) -> bytes:
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        kind = "application/octet-stream" if isinstance(self.body, bytes) else "application/json"
        length = {} if "Transfer-Encoding" in self.headers else {"Content-Length": str(len(data))}
        headers = {"Content-Type": kind, "Connection": "close", **length, **self.headers}
        lines = [f"HTTP/1.1 {self.status} Status", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived: `line` is `METHOD /path?query`, header names are lower-case."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> Mapping[str, bytes]:
        """The fields of a multipart body."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)  # type: ignore[misc]  # the library's types know no form fields
            for part in message.iter_parts()
        }


# Announces more than anybody takes, and sends none of it.
OVERSIZED = Answer(b"", headers={"Content-Length": str(10**9)})

Script = Mapping[str, Answer | Broken]
"""What the server answers, by `METHOD /path?query`."""


class VendorServer:
    """A vendor on this machine: answers what its script says, and counts what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.arrived = asyncio.Event()
        self._script: dict[str, Answer | Broken] = {}
        self._released = asyncio.Event()

    def will(self, script: Script) -> None:
        """Answer so from now on; other lines keep their answers."""
        self._script |= script

    def release(self) -> None:
        """Let what is held or silent go."""
        self._released.set()

    @property
    def creates(self) -> int:
        return sum(request.line.startswith("POST ") for request in self.seen)

    def answer_to(self, request: Seen) -> Answer | Broken:
        """What the script says; a vendor with a memory says more."""
        return self._script.get(request.line, Answer(b"<html>no script for this", 404))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *rest = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        line = first.rpartition(" ")[0]
        request = Seen(line, headers, body)
        self.seen.append(request)
        self.arrived.set()
        answer = self.answer_to(request)
        if answer is Broken.RESET:
            writer.transport.abort()
            return
        if answer is Broken.SILENT or (isinstance(answer, Answer) and answer.held):
            await self._released.wait()
        if answer is Broken.CUT:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{")
        if isinstance(answer, Answer):
            writer.write(answer.raw())
        writer.close()


@asynccontextmanager
async def serving(vendor: VendorServer | None = None) -> AsyncIterator[VendorServer]:
    """A running server, without a script unless it has one."""
    vendor = vendor or VendorServer()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    async with server:
        vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield vendor
        vendor.release()


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the vendor makes: what must be sent for it, and the facts file's answer to it.

    `headers` are a part of those sent. Shape NOW ends in `made`, shape TASK in `task_id`.
    """

    name: str
    request: VendorRequest
    line: str
    answer: Answer
    headers: Mapping[str, str]
    body: Mapping[str, object] | None = None
    form: Mapping[str, bytes] | None = None
    made: Artifact | None = None
    cost_micros: int = 0
    task_id: str | None = None

    def script(self, answer: Answer | Broken) -> Script:
        return {self.line: answer}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to a create, and what it means."""

    name: str
    answer: Answer
    error: type[ProviderError]
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What a task's state looks like on the wire, and what is made of it."""

    name: str
    task_id: str
    script: Script
    report: TaskReport


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What a vendor says of a task that neither ends it nor lets it run on: it is asked again (ProviderBusy)."""

    name: str
    task_id: str
    script: Script


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the vendor's at our door, and the task that it names; `script` is what the vendor is asked about it."""

    name: str
    headers: Mapping[str, str]
    body: bytes
    task_id: str | None
    script: Script = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Linked:
    """How a finished result with a given link looks: by an at-once create, or by a check of `task_id`."""

    script: Callable[[str], Script]
    operation: str | None = None
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class VendorCase:
    """A vendor, as the suite sees it.

    `open` makes the adapter for a base URL with all limits set to some seconds. `empty` are answers that are a success
    without media: to creates of shape NOW, by what must be raised.
    """

    name: str
    open: Callable[[str, float], Provider]
    operations: tuple[Operation, ...]
    refusals: tuple[Refusal, ...]
    checks: tuple[Check, ...] = ()
    unsettled: tuple[Unsettled, ...] = ()
    empty: tuple[Refusal, ...] = ()
    linked: Linked | None = None
    calls: tuple[Call, ...] = ()

    def operation(self, name: str) -> Operation:
        return next(operation for operation in self.operations if operation.name == name)

    def one_of_each_shape(self) -> tuple[Operation, ...]:
        """The first operation at once and the first as a task."""
        first: dict[bool, Operation] = {}
        for operation in self.operations:
            first.setdefault(operation.task_id is None, operation)
        return tuple(first.values())
