"""The object store keeps what it is given, signs links for the outside, and says clearly when it is away."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from app.adapters.storage import S3Storage
from app.core.db import Database
from app.domain.ports import ObjectMissing, StorageUnavailable
from app.sandbox.servers import S3, ServerProcess
from tests.harness import Bucket, asyncpg_url

# As many as a storage opens.
CONNECTIONS = 32


def storage_of(server: Bucket, /, **overrides: Any) -> S3Storage:
    given: dict[str, Any] = {
        "endpoint_url": server.endpoint_url,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "bucket": server.bucket,
        "region": server.region,
        # What is read here comes from the server.
        "recent_bytes": 0,
    }
    return S3Storage(**(given | overrides))


@pytest.fixture
async def storage(s3: Bucket) -> AsyncIterator[S3Storage]:
    async with storage_of(s3) as opened:
        yield opened


@pytest.fixture
def prefix() -> str:
    return f"tests/{uuid4()}"


async def test_what_was_put_is_read_back(storage: S3Storage, prefix: str) -> None:
    data = bytes(range(256)) * 5_000
    await storage.put(f"{prefix}/a.png", data, mime="image/png")
    assert await storage.get(f"{prefix}/a.png") == data


async def test_a_second_put_replaces_the_first(storage: S3Storage, prefix: str) -> None:
    await storage.put(f"{prefix}/a", b"first, and longer", mime="image/png")
    await storage.put(f"{prefix}/a", b"second", mime="image/png")
    assert await storage.get(f"{prefix}/a") == b"second"


async def test_a_missing_key_is_told_from_an_outage(storage: S3Storage, prefix: str) -> None:
    with pytest.raises(ObjectMissing):
        await storage.get(f"{prefix}/nothing")


async def test_keys_are_listed_by_prefix_and_deleted_together(storage: S3Storage, prefix: str) -> None:
    keys = [f"{prefix}/one/{number}.png" for number in range(3)]
    for key in [*keys, f"{prefix}/two/0.png"]:
        await storage.put(key, b"x", mime="image/png")
    assert sorted(await storage.list_keys(f"{prefix}/one/")) == keys

    await storage.delete([*keys, f"{prefix}/one/never-there.png"])

    assert await storage.list_keys(f"{prefix}/one/") == []
    assert await storage.list_keys(f"{prefix}/") == [f"{prefix}/two/0.png"]


async def test_deleting_nothing_asks_nobody(s3: Bucket) -> None:
    async with storage_of(s3, endpoint_url="http://127.0.0.1:1") as away:
        await away.delete([])


async def test_a_link_opens_the_object_without_credentials(storage: S3Storage, prefix: str) -> None:
    await storage.put(f"{prefix}/a.png", b"picture", mime="image/png")
    link = await storage.link(f"{prefix}/a.png", expires_seconds=60, filename='kite "1"\r\n.png')
    async with httpx.AsyncClient() as client:
        answer = await client.get(link)
        unsigned = await client.get(link.partition("?")[0])

    assert answer.content == b"picture"
    assert unsigned.is_client_error
    query = parse_qs(urlsplit(link).query)
    assert query["X-Amz-Expires"] == ["60"]
    assert query["response-content-disposition"] == ['attachment; filename="kite _1___.png"']


async def test_a_link_cannot_be_bent_to_another_key(storage: S3Storage, prefix: str) -> None:
    for name in ("mine", "yours"):
        await storage.put(f"{prefix}/{name}.png", name.encode(), mime="image/png")
    link = await storage.link(f"{prefix}/mine.png", expires_seconds=60)
    async with httpx.AsyncClient() as client:
        assert (await client.get(link)).status_code == 200
        assert (await client.get(link.replace("mine.png", "yours.png"))).status_code == 403


async def test_links_are_signed_for_the_public_address(s3: Bucket, prefix: str) -> None:
    public = s3.endpoint_url.replace("127.0.0.1", "localhost")
    async with storage_of(s3, public_url=public) as storage:
        await storage.put(f"{prefix}/a.png", b"picture", mime="image/png")
        link = await storage.link(f"{prefix}/a.png", expires_seconds=60)
        async with httpx.AsyncClient() as client:
            answer = await client.get(link)
    assert link.startswith(f"{public}/{s3.bucket}/{prefix}/a.png?")
    assert answer.content == b"picture"


async def test_a_missing_bucket_is_created_once(s3: Bucket) -> None:
    async with storage_of(s3, bucket=f"fresh-{uuid4()}") as storage:
        with pytest.raises(StorageUnavailable):
            await storage.check()
        await storage.ensure_bucket()
        await storage.ensure_bucket()
        await storage.check()


async def test_wrong_keys_are_an_outage_and_create_nothing(s3: Bucket) -> None:
    async with storage_of(s3, secret_key="wrong-wrong-wrong-wrong") as storage:
        with pytest.raises(StorageUnavailable):
            await storage.ensure_bucket()


async def test_every_call_says_when_the_store_is_away_and_works_again_afterwards(own_s3: ServerProcess) -> None:
    server = own_s3.server
    assert isinstance(server, S3)
    storage = S3Storage(
        endpoint_url=server.url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        bucket=server.bucket,
        region="us-east-1",
        recent_bytes=0,
    )
    async with storage:
        await storage.put("a", b"x", mime="image/png")
        own_s3.kill()
        for call in (
            storage.put("b", b"x", mime="image/png"),
            storage.get("a"),
            storage.delete(["a"]),
            storage.list_keys("a"),
            storage.check(),
            storage.ensure_bucket(),
        ):
            with pytest.raises(StorageUnavailable):
                await call
        own_s3.start()
        assert await storage.get("a") == b"x"


# Against a server whose every move is the test's

Move = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class ScriptedStore:
    """A store over plain sockets that makes one move a connection, the last one again and again."""

    moves: Sequence[Move]
    requests: int = 0
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        move = self.moves[min(self.requests, len(self.moves) - 1)]
        self.requests += 1
        connection = asyncio.create_task(move(reader, writer))
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            # What still hangs at the test's end must not hang the server's own end.
            ending = asyncio.create_task(self._ended.wait())
            await asyncio.wait((connection, ending), return_when=asyncio.FIRST_COMPLETED)
            connection.cancel()
            ending.cancel()
        writer.transport.abort()

    @asynccontextmanager
    async def storage(self, **overrides: Any) -> AsyncIterator[S3Storage]:
        listener = socket.create_server(("127.0.0.1", 0))
        # Small, so that a server that does not read is felt at once.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server = await asyncio.start_server(self.serve, sock=listener, limit=2**12)
        given: dict[str, Any] = {"access_key": "a" * 20, "secret_key": "s" * 40, "bucket": "b", "region": "r"}
        given["recent_bytes"] = 0
        given["endpoint_url"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with server, S3Storage(**(given | overrides)) as storage:
            yield storage
            self._ended.set()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    await reader.readexactly(int(length[1]) if length else 0)
    return head


def answers(status: str, body: bytes = b"", *, length: int | None = None) -> Move:
    async def move(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        size = len(body) if length is None else length
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()

    return move


async def reads_and_stays_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await reader.read()


async def never_reads(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
    await asyncio.get_running_loop().create_future()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.02)  # the drip


async def test_a_put_sends_its_body_without_waiting_for_the_servers_word() -> None:
    """A server that fails before it reads, and wants the body all the same, must not wait for us as we wait for it."""
    store = ScriptedStore([answers("200 OK")])
    async with store.storage() as storage:
        await storage.put("a", b"x" * 10_000, mime="image/png")
    assert store.requests == 1


async def test_a_request_that_hangs_is_repeated_within_its_allowance() -> None:
    for hang in (reads_and_stays_silent, never_reads):
        store = ScriptedStore([hang, answers("200 OK")])
        async with asyncio.timeout(20), store.storage(attempt_seconds=1.5) as storage:
            await storage.put("a", b"x" * 10_000, mime="image/png")
        assert store.requests == 2


async def test_a_store_that_never_answers_costs_a_bounded_time_in_every_call() -> None:
    store = ScriptedStore([reads_and_stays_silent])
    async with asyncio.timeout(20), store.storage(attempt_seconds=0.3) as storage:
        calls: list[Awaitable[object]] = [
            storage.put("b", b"x", mime="image/png"),
            storage.get("a"),
            storage.delete(["a"]),
            storage.list_keys("a"),
            storage.check(),
            storage.ensure_bucket(),
        ]
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [StorageUnavailable] * len(calls)
    assert store.requests == 3 * len(calls)


async def test_a_store_that_never_reads_costs_a_bounded_time() -> None:
    store = ScriptedStore([never_reads])
    async with asyncio.timeout(20), store.storage(attempt_seconds=0.3, slowest_bytes_per_second=2**26) as storage:
        with pytest.raises(StorageUnavailable, match="TimeoutError"):
            await storage.put("b", bytes(2**24), mime="video/mp4")
    assert store.requests == 3


async def test_what_was_stored_a_moment_ago_needs_no_request(s3: Bucket, prefix: str) -> None:
    async with storage_of(s3, recent_bytes=1_000) as storage, storage_of(s3) as other:
        await storage.put(f"{prefix}/a", b"first", mime="image/png")
        await other.delete([f"{prefix}/a"])
        assert await storage.get(f"{prefix}/a") == b"first"
        await storage.delete([f"{prefix}/a"])
        with pytest.raises(ObjectMissing):
            await storage.get(f"{prefix}/a")


async def test_a_large_body_is_given_more_time_than_a_small_one() -> None:
    async def takes_its_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Longer than the base, shorter than what the size allows.
        await asyncio.sleep(0.6)
        await answers("200 OK")(reader, writer)

    store = ScriptedStore([takes_its_time])
    async with store.storage(attempt_seconds=0.3, slowest_bytes_per_second=20_000) as storage:
        await storage.put("a", bytes(200_000), mime="image/png")
    assert store.requests == 1


async def test_a_body_that_drips_is_an_outage() -> None:
    store = ScriptedStore([drips])
    async with asyncio.timeout(20), store.storage(attempt_seconds=0.3, slowest_bytes_per_second=2**24) as storage:
        with pytest.raises(StorageUnavailable, match="TimeoutError"):
            await storage.get("a")


async def test_a_servers_bad_moment_is_repeated_and_a_refusal_is_not() -> None:
    for moment in ("500 Internal Server Error", "503 Slow Down", "429 Too Many Requests"):
        store = ScriptedStore([answers(moment), answers(moment), answers("200 OK")])
        async with store.storage() as storage:
            await storage.put("a", b"x", mime="image/png")
        assert store.requests == 3

    store = ScriptedStore([answers("403 Forbidden")])
    async with store.storage() as storage:
        with pytest.raises(StorageUnavailable, match="403"):
            await storage.put("a", b"x", mime="image/png")
    assert store.requests == 1


async def test_a_body_that_ends_early_is_an_outage_and_not_a_short_picture() -> None:
    store = ScriptedStore([answers("200 OK", b"only this", length=1000)])
    async with store.storage() as storage:
        with pytest.raises(StorageUnavailable):
            await storage.get("a")


async def test_waiting_for_a_free_connection_is_not_held_against_the_store() -> None:
    async def after_a_while(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Longer than what a small body is allowed in all its attempts, shorter than what a large one is.
        await asyncio.sleep(3)
        await answers("200 OK")(reader, writer)

    large = [after_a_while] * CONNECTIONS
    store = ScriptedStore([*large, answers("200 OK")])
    async with store.storage(attempt_seconds=0.3, slowest_bytes_per_second=5_000) as storage:
        waits = [storage.put(f"large {number}", bytes(100_000), mime="image/png") for number in range(CONNECTIONS)]
        await asyncio.gather(*waits, storage.put("small", b"x", mime="image/png"))
    assert store.requests > CONNECTIONS


async def test_no_call_is_made_inside_a_transaction(storage: S3Storage, database_url: str) -> None:
    database = Database(asyncpg_url(database_url))
    try:
        async with database.transaction():
            with pytest.raises(AssertionError, match="inside a database transaction"):
                await storage.put("a", b"x", mime="image/png")
    finally:
        await database.close()
