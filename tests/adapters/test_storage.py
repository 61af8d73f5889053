"""The object store keeps what it is given, signs links for the outside, and says clearly when it is away."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from app.adapters.storage import S3Storage
from app.core.db import Database
from app.domain.ports import ObjectMissing, StorageUnavailable
from app.sandbox.servers import S3, ServerProcess
from tests.harness import Bucket, asyncpg_url


def storage_of(server: Bucket, /, **overrides: str) -> S3Storage:
    given = {
        "endpoint_url": server.endpoint_url,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "bucket": server.bucket,
        "region": server.region,
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


async def test_a_body_that_ends_early_is_an_outage_and_not_a_short_picture() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    storage = S3Storage(
        endpoint_url=f"http://127.0.0.1:{port}", access_key="a" * 20, secret_key="s" * 40, bucket="b", region="r"
    )
    async with server, storage:
        with pytest.raises(StorageUnavailable):
            await storage.get("a")


async def test_no_call_is_made_inside_a_transaction(storage: S3Storage, database_url: str) -> None:
    database = Database(asyncpg_url(database_url))
    try:
        async with database.transaction():
            with pytest.raises(AssertionError, match="inside a database transaction"):
                await storage.put("a", b"x", mime="image/png")
    finally:
        await database.close()
