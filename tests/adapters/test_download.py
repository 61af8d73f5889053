"""Result links: fetched whole and bounded from the public internet, and from nowhere else (trap 45)."""

import asyncio
import io
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from app.adapters.addresses import is_public, resolve
from app.adapters.download import HttpDownloader
from app.domain.ports import DownloadFailed, DownloadRefused
from tests.films import film

# A certificate made for these tests alone; its name belongs to nobody (RFC 2606).
VENDOR = "files.vendor.example"
CERTIFICATE = Path(__file__).with_name("vendor.pem")
# Two loopback addresses: the first plays the public internet, the other our own network.
PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (10, 200, 90)).save(out, "PNG")
    return out.getvalue()


PICTURE = png()


def answer(status: int, body: bytes, *headers: str, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return "\r\n".join([f"HTTP/1.1 {status} S", f"Content-Length: {size}", *headers]).encode() + b"\r\n\r\n" + body


def redirect(location: str) -> bytes:
    return answer(302, b"", f"Location: {location}")


class Server:
    """Answers each path with given raw bytes, and remembers who was asked for. An unknown path is never answered."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.port = 0
        self._released = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        raw = self.answers.get(head.split()[1])
        if raw is None:
            await self._released.wait()
        else:
            writer.write(raw)
        writer.close()

    @asynccontextmanager
    async def listening(self, *, host: str = PRIVATE, tls: bool = False) -> AsyncIterator["Server"]:
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(CERTIFICATE)
        server = await asyncio.start_server(self.serve, host, 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self
            self._released.set()


@pytest.fixture
async def vendor() -> AsyncIterator[Server]:
    """A vendor in plain http on a private address, as the sandbox's is."""
    async with Server().listening() as server:
        yield server


@pytest.fixture
async def secure_vendor() -> AsyncIterator[Server]:
    async with Server().listening(host=PUBLIC, tls=True) as server:
        yield server


@asynccontextmanager
async def downloading(
    *answers: Sequence[str],
    max_bytes: int = 1_000_000,
    seconds: float = 5.0,
    public: Callable[[str], bool] = lambda address: address == PUBLIC,
) -> AsyncIterator[HttpDownloader]:
    """A downloader whose resolver gives these answers in turn, the last one for ever."""
    turns = list(answers)

    async def resolver(host: str, port: int) -> Sequence[str]:
        if not turns:
            return await resolve(host, port)
        return turns.pop(0) if len(turns) > 1 else turns[0]

    downloader = HttpDownloader(
        max_bytes=max_bytes,
        total_timeout_seconds=seconds,
        read_timeout_seconds=seconds,
        resolver=resolver,
        is_public=public,
        tls=ssl.create_default_context(cafile=str(CERTIFICATE)),
    )
    yield downloader
    await downloader.close()


def origin(server: Server) -> str:
    return f"http://{PRIVATE}:{server.port}"


async def test_the_allowed_origin_is_fetched_although_it_is_plain_and_private(vendor: Server) -> None:
    vendor.answers["/f.png?a=1"] = answer(200, PICTURE)
    async with downloading() as downloader:
        assert await downloader.fetch(f"{origin(vendor)}/f.png?a=1", allowed_origin=origin(vendor)) == PICTURE
    assert "authorization" not in vendor.requests[0].lower()


@pytest.mark.parametrize("allowed", [None, "http://127.0.0.1:1", "https://127.0.0.1", "http://localhost"])
async def test_the_same_link_is_refused_when_its_origin_is_not_exactly_the_allowed_one(
    vendor: Server, allowed: str | None
) -> None:
    vendor.answers["/f.png"] = answer(200, PICTURE)
    async with downloading() as downloader:
        with pytest.raises(DownloadRefused):
            await downloader.fetch(f"{origin(vendor)}/f.png", allowed_origin=allowed)
    assert vendor.requests == []


async def test_a_public_https_link_is_fetched_from_the_checked_address(secure_vendor: Server) -> None:
    secure_vendor.answers["/f.png"] = answer(200, PICTURE)
    async with downloading([PUBLIC]) as downloader:
        assert await downloader.fetch(f"https://{VENDOR}:{secure_vendor.port}/f.png", allowed_origin=None) == PICTURE
    assert f"Host: {VENDOR}:{secure_vendor.port}" in secure_vendor.requests[0]


async def test_the_certificate_must_be_the_names(secure_vendor: Server) -> None:
    secure_vendor.answers["/f.png"] = answer(200, PICTURE)
    async with downloading([PUBLIC]) as downloader:
        with pytest.raises(DownloadFailed):
            await downloader.fetch(f"https://other.example:{secure_vendor.port}/f.png", allowed_origin=None)
    assert secure_vendor.requests == []


async def test_a_name_that_changes_its_address_after_the_check_is_not_asked_again(secure_vendor: Server) -> None:
    secure_vendor.answers["/f.png"] = answer(200, PICTURE)
    async with downloading([PUBLIC], [PRIVATE]) as downloader:
        assert await downloader.fetch(f"https://{VENDOR}:{secure_vendor.port}/f.png", allowed_origin=None) == PICTURE
        with pytest.raises(DownloadRefused):
            await downloader.fetch(f"https://{VENDOR}:{secure_vendor.port}/f.png", allowed_origin=None)


@pytest.mark.parametrize("addresses", [[PRIVATE], [PUBLIC, PRIVATE], ["169.254.169.254"], ["::1"]])
async def test_a_name_that_points_inside_is_refused(secure_vendor: Server, addresses: list[str]) -> None:
    async with downloading(addresses) as downloader:
        with pytest.raises(DownloadRefused):
            await downloader.fetch(f"https://{VENDOR}:{secure_vendor.port}/f.png", allowed_origin=None)
    assert secure_vendor.requests == []


async def test_a_second_address_is_tried_when_the_first_is_closed(secure_vendor: Server) -> None:
    secure_vendor.answers["/f.png"] = answer(200, PICTURE)
    async with downloading(["127.0.0.3", PUBLIC], public=lambda address: address != PRIVATE) as downloader:
        link = f"https://{VENDOR}:{secure_vendor.port}/f.png"
        assert await downloader.fetch(link, allowed_origin=None) == PICTURE


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
    ],
)
async def test_a_redirect_is_checked_like_a_first_link(vendor: Server, location: str) -> None:
    vendor.answers["/f.png"] = redirect(location)
    async with downloading(public=is_public) as downloader:
        with pytest.raises(DownloadRefused):
            await downloader.fetch(f"{origin(vendor)}/f.png", allowed_origin=origin(vendor))


async def test_redirects_within_the_allowed_origin_are_followed_three_times(vendor: Server) -> None:
    vendor.answers |= {f"/{number}": redirect(f"/{number + 1}") for number in range(4)}
    vendor.answers["/4"] = answer(200, PICTURE)
    async with downloading() as downloader:
        assert await downloader.fetch(f"{origin(vendor)}/1", allowed_origin=origin(vendor)) == PICTURE
        with pytest.raises(DownloadRefused, match="redirects"):
            await downloader.fetch(f"{origin(vendor)}/0", allowed_origin=origin(vendor))


@pytest.mark.parametrize(
    "link",
    [
        "",
        "/f.png",
        "f.png",
        "ftp://files.vendor.example/f.png",
        "data:image/png;base64,AAAA",
        "https://",
        "https://user:pass@files.vendor.example/f.png",
        "https://files.vendor.example:99999/f.png",
        "https://[::1/f.png",
        "https://\x00/",
    ],
)
async def test_what_is_no_plain_web_address_is_refused(link: str) -> None:
    async with downloading([PUBLIC]) as downloader:
        with pytest.raises(DownloadRefused):
            await downloader.fetch(link, allowed_origin=None)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".example", "xn--.example"])
async def test_a_name_that_does_not_resolve_may_be_tried_again(host: str) -> None:
    async with downloading(public=is_public) as downloader:
        with pytest.raises((DownloadFailed, DownloadRefused)):
            await downloader.fetch(f"https://{host}/f.png", allowed_origin=None)


async def test_a_body_announced_as_too_large_is_not_read(vendor: Server) -> None:
    vendor.answers["/f.png"] = answer(200, PICTURE, length=1_000_001)
    async with downloading() as downloader:
        with pytest.raises(DownloadRefused, match="1000001 bytes"):
            await downloader.fetch(f"{origin(vendor)}/f.png", allowed_origin=origin(vendor))


async def test_a_body_that_grows_too_large_is_cut_off(vendor: Server) -> None:
    endless = b"".join(b"10000\r\n" + bytes(0x10000) + b"\r\n" for _ in range(40))
    vendor.answers["/f.png"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + endless
    async with downloading() as downloader:
        with pytest.raises(DownloadRefused, match="more than 1000000 bytes"):
            await downloader.fetch(f"{origin(vendor)}/f.png", allowed_origin=origin(vendor))


async def test_a_compressed_answer_is_refused_before_it_is_unpacked(vendor: Server) -> None:
    vendor.answers["/f.png"] = answer(200, PICTURE, "Content-Encoding: gzip")
    async with downloading() as downloader:
        with pytest.raises(DownloadRefused, match="compressed"):
            await downloader.fetch(f"{origin(vendor)}/f.png", allowed_origin=origin(vendor))


async def test_a_video_is_taken_too(vendor: Server) -> None:
    video = film()
    vendor.answers["/f.mp4"] = answer(200, video, "Content-Type: application/octet-stream")
    async with downloading() as downloader:
        assert await downloader.fetch(f"{origin(vendor)}/f.mp4", allowed_origin=origin(vendor)) == video


@pytest.mark.parametrize("body", [b"<svg onload=alert(1)>", b"<html>", b"", b"MZ\x90\x00"])
async def test_the_type_is_seen_in_the_bytes_and_not_believed(vendor: Server, body: bytes) -> None:
    vendor.answers["/f.png"] = answer(200, body, "Content-Type: image/png")
    async with downloading() as downloader:
        with pytest.raises(DownloadRefused, match="neither a picture nor a video"):
            await downloader.fetch(f"{origin(vendor)}/f.png", allowed_origin=origin(vendor))


@pytest.mark.parametrize(
    "raw",
    [
        answer(404, b"gone"),
        answer(500, b""),
        answer(304, b""),
        answer(206, PICTURE),
        answer(200, PICTURE[:20], length=len(PICTURE)),
        b"",
        b"SSH-2.0-OpenSSH_9\r\n",
    ],
    ids=["404", "500", "304", "206", "truncated", "closed", "no http"],
)
async def test_what_may_be_better_next_time_is_told_from_a_refusal(vendor: Server, raw: bytes) -> None:
    vendor.answers["/f.png"] = raw
    async with downloading() as downloader:
        with pytest.raises(DownloadFailed):
            await downloader.fetch(f"{origin(vendor)}/f.png", allowed_origin=origin(vendor))


async def test_silence_ends_after_the_time_limit(vendor: Server) -> None:
    async with downloading(seconds=0.3) as downloader:
        started = time.monotonic()
        with pytest.raises(DownloadFailed):
            await downloader.fetch(f"{origin(vendor)}/silent", allowed_origin=origin(vendor))
        assert time.monotonic() - started < 2


async def test_a_body_that_drips_ends_after_the_time_limit() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.02)

    server = await asyncio.start_server(drip, PRIVATE, 0)
    link = f"http://{PRIVATE}:{server.sockets[0].getsockname()[1]}"
    async with server, downloading(seconds=0.4) as downloader:
        with pytest.raises(DownloadFailed, match="TimeoutError"):
            await downloader.fetch(f"{link}/f.png", allowed_origin=link)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "2002:7f00:0001::",
        "2002:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        "2001:db8::1",
        "localhost",
        "",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)
