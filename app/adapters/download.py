"""Fetches a vendor's result link, which we did not write: it must not reach our own network nor fill our memory."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from typing import Final

import httpx

from app.adapters.addresses import Resolver, is_public, resolve
from app.core.db import refuse_inside_transaction
from app.core.media import sniff
from app.domain.ports import DownloadFailed, DownloadRefused

MAX_BYTES: Final = 100 * 1024 * 1024

_CONNECT_TIMEOUT_SECONDS: Final = 5.0
_READ_TIMEOUT_SECONDS: Final = 20.0
_TOTAL_TIMEOUT_SECONDS: Final = 120.0
_REDIRECTS: Final = 3
# A host with a broken first address is not worth more than one further try here; the caller tries again anyway.
_ADDRESSES: Final = 2
_CONNECTIONS: Final = 64
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_Origin = tuple[str, str, int]


class HttpDownloader:
    """The Downloader port.

    Names are resolved here, checked, and the connection goes to the checked address (TLS still checks the name), so
    that a name cannot point elsewhere the second time it is asked. `close()` ends open connections.
    Without `allows_origins` (production) no origin is an exception, whatever a caller says.
    """

    def __init__(
        self,
        *,
        allows_origins: bool = True,
        max_bytes: int = MAX_BYTES,
        total_timeout_seconds: float = _TOTAL_TIMEOUT_SECONDS,
        read_timeout_seconds: float = _READ_TIMEOUT_SECONDS,
        resolver: Resolver = resolve,
        is_public: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allows_origins = allows_origins
        self._max_bytes = max_bytes
        self._total_timeout_seconds = total_timeout_seconds
        self._resolver = resolver
        self._is_public = is_public
        self._http = httpx.AsyncClient(
            # A kept connection belongs to an address: the next name behind it would pass with another's certificate.
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=0),
            timeout=httpx.Timeout(_CONNECT_TIMEOUT_SECONDS, read=read_timeout_seconds),
            # Compressed answers could grow without bound while they are unpacked, and pictures gain nothing by it.
            headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "starbrush"},
            follow_redirects=False,
            trust_env=False,
            verify=tls or True,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def fetch(self, url: str, *, allowed_origin: str | None) -> bytes:
        """The bytes. `allowed_origin` (scheme, host, port) may be plain and private, with `allows_origins`.

        Raises: DownloadRefused (address, size or type not allowed), DownloadFailed (try again).
        """
        refuse_inside_transaction("a download")
        allowed = _origin(_parse(allowed_origin)) if allowed_origin is not None and self._allows_origins else None
        try:
            async with asyncio.timeout(self._total_timeout_seconds):
                data = await self._follow(_parse(url), allowed)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            raise DownloadFailed(type(error).__name__) from error
        if sniff(data) is None:
            message = f"neither a picture nor a video: {data[:12].hex()}"
            raise DownloadRefused(message)
        return data

    async def _follow(self, url: httpx.URL, allowed: _Origin | None) -> bytes:
        for _ in range(_REDIRECTS + 1):
            response = await self._connect(url, await self._addresses(url, allowed))
            try:
                if not response.has_redirect_location:
                    return await self._read(response)
                # Relative to the address as it was given, not to the one that we connect to.
                url = _parse(str(url.join(response.headers["Location"])))
            finally:
                await response.aclose()
        message = f"more than {_REDIRECTS} redirects"
        raise DownloadRefused(message)

    async def _addresses(self, url: httpx.URL, allowed: _Origin | None) -> Sequence[str]:
        """Where the link's host is, if we may go there. Raises: DownloadRefused, OSError."""
        origin = _origin(url)
        scheme, host, port = origin
        if origin != allowed and scheme != "https":
            message = f"{scheme} links are not fetched"
            raise DownloadRefused(message)
        addresses = await self._resolver(host, port)
        # All of them: a name that also points inside is no honest vendor's.
        if origin != allowed and not all(self._is_public(address) for address in addresses):
            message = f"{host} is not on the public internet"
            raise DownloadRefused(message)
        return addresses[:_ADDRESSES]

    async def _connect(self, url: httpx.URL, addresses: Sequence[str]) -> httpx.Response:
        """Ask the first address that answers. Raises: DownloadFailed, httpx.HTTPError."""
        for address in addresses:
            request = self._http.build_request(
                "GET",
                url.copy_with(host=address),
                headers={"Host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            )
            with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._http.send(request, stream=True)
        message = f"no connection to {url.host}"
        raise DownloadFailed(message)

    async def _read(self, response: httpx.Response) -> bytes:
        if response.status_code != 200:
            message = f"status {response.status_code}"
            raise DownloadFailed(message)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            message = "a compressed answer"
            raise DownloadRefused(message)
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self._max_bytes:
            message = f"{length} bytes"
            raise DownloadRefused(message)
        data = bytearray()
        async for chunk in response.aiter_raw():
            data += chunk
            if len(data) > self._max_bytes:
                message = f"more than {self._max_bytes} bytes"
                raise DownloadRefused(message)
        return bytes(data)


def _parse(url: str) -> httpx.URL:
    """Raises: DownloadRefused for what is no plain web address."""
    try:
        parsed = httpx.URL(url)
        # Read here, since a malformed international name shows only now.
        host = parsed.host
    except (httpx.InvalidURL, ValueError) as error:
        message = "not an address"
        raise DownloadRefused(message) from error
    port_exists = parsed.port is None or 0 < parsed.port < 65_536
    if parsed.scheme not in _DEFAULT_PORTS or not host or not port_exists or parsed.userinfo:
        message = f"a {parsed.scheme or 'relative'} address that is not fetched"
        raise DownloadRefused(message)
    return parsed


def _origin(url: httpx.URL) -> _Origin:
    return url.scheme, url.raw_host.decode("ascii").strip("[]"), url.port or _DEFAULT_PORTS[url.scheme]
