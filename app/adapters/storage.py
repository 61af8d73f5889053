"""The object store: any server that speaks S3, through one kept-open client.

Links are signed for the address that users reach, which may differ from the one that we write to.
"""

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Any, Final, Self, TypeVar

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError
from botocore.handlers import add_expect_header

from app.adapters.recent_objects import RecentObjects
from app.core.db import refuse_inside_transaction
from app.domain.ports import ObjectMissing, StorageUnavailable

T = TypeVar("T")

_CONNECT_TIMEOUT_SECONDS: Final = 3
# Between two pieces of an answer, so that a large body that stops half-way does not use up its whole allowance.
_SILENCE_TIMEOUT_SECONDS: Final = 10
# The first attempt's allowance: a base, and more for a large body, by the slowest line that is worth waiting for. A
# user waits meanwhile, and a request that hangs costs no more than this before it is repeated.
_ATTEMPT_SECONDS: Final = 4.0
_SLOWEST_BYTES_PER_SECOND: Final = 500_000
# Before the second and the third attempt, which mend a stale connection, a lost packet or a server's bad moment.
# Anything longer is the caller's business, which has its own schedule.
_PAUSES_SECONDS: Final = (0.1, 0.4)
_CONNECTIONS: Final = 32
# S3's own limit for DeleteObjects and for one page of a list.
_KEYS_PER_REQUEST: Final = 1000

_UNSAFE_IN_FILENAME: Final = re.compile(r"[^A-Za-z0-9._ -]")

# A picture is sent right after it was stored, and its preview has some hundred kilobytes.
_RECENT_BYTES: Final = 8_000_000
_MISSING_CODES: Final = frozenset(("NoSuchKey", "404", "NotFound"))
_NO_BUCKET_CODES: Final = frozenset(("NoSuchBucket", "404", "NotFound"))
_BUCKET_EXISTS_CODES: Final = frozenset(("BucketAlreadyOwnedByYou", "BucketAlreadyExists"))
# Refusals below 500 that say "later" and not "no".
_PASSING_CODES: Final = frozenset(("RequestTimeout", "SlowDown", "TooManyRequests", "429"))


class S3Storage:
    """The Storage port over S3. Open it with `async with` or `open()` and `close()`."""

    def __init__(
        self,
        *,
        endpoint_url: str,
        public_url: str = "",
        access_key: str,
        secret_key: str,
        bucket: str,
        region: str,
        attempt_seconds: float = _ATTEMPT_SECONDS,
        slowest_bytes_per_second: int = _SLOWEST_BYTES_PER_SECOND,
        recent_bytes: int = _RECENT_BYTES,
    ) -> None:
        self._endpoint_url = endpoint_url
        self._public_url = public_url or endpoint_url
        self._bucket = bucket
        self._attempt_seconds = attempt_seconds
        self._slowest_bytes_per_second = slowest_bytes_per_second
        # Waiting for a free connection is our own doing, and not held against the store.
        self._connections = asyncio.Semaphore(_CONNECTIONS)
        self._session = _session(access_key, secret_key, region)
        self._recent = RecentObjects(most_bytes=recent_bytes)
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._signer: Any = None

    async def open(self) -> None:
        """Build the clients; nothing is sent yet."""
        config = AioConfig(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            read_timeout=_SILENCE_TIMEOUT_SECONDS,
            # Repeated here instead, since the client's own attempts do not end one that hangs.
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=_CONNECTIONS,
            # Newer checksums cost time and are unknown to many servers; the signature covers the body anyway.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            parameter_validation=False,
        )
        self._client = await self._open_client(self._endpoint_url, config)
        same = self._public_url == self._endpoint_url
        self._signer = self._client if same else await self._open_client(self._public_url, config)

    async def _open_client(self, endpoint_url: str, config: AioConfig) -> Any:
        client = await self._stack.enter_async_context(
            self._session.client("s3", endpoint_url=endpoint_url, config=config)
        )
        # With "Expect: 100-continue" a body waits for the server's word, and aiohttp counts no time meanwhile. Servers
        # written in Go that fail before they read try to drain the body without that word: both wait for ever.
        client.meta.events.unregister("before-call.s3", add_expect_header)
        return client

    async def close(self) -> None:
        """Close the connections."""
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ensure_bucket(self) -> None:
        """Create the bucket when there is none. Raises: StorageUnavailable."""
        try:
            await self.check()
        except StorageUnavailable as error:
            if _code(error.__cause__) not in _NO_BUCKET_CODES:
                raise
            await self._create_bucket()

    async def _create_bucket(self) -> None:
        try:
            await self._call("create bucket", lambda _: self._client.create_bucket(Bucket=self._bucket))
        except StorageUnavailable as error:
            # Another process was quicker.
            if _code(error.__cause__) not in _BUCKET_EXISTS_CODES:
                raise

    async def put(self, key: str, data: bytes, *, mime: str) -> None:
        """Store or replace. Raises: StorageUnavailable."""
        await self._call(
            "put",
            lambda _: self._client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=mime),
            size_bytes=len(data),
        )
        self._recent.remember(key, data)

    async def get(self, key: str) -> bytes:
        """Read; what this process has stored lately is here. Raises: ObjectMissing, StorageUnavailable."""
        recent = self._recent.find(key)
        return recent if recent is not None else await self._call("get", lambda limit: self._read(key, limit))

    async def _read(self, key: str, limit: asyncio.Timeout) -> bytes:
        response = await self._client.get_object(Bucket=self._bucket, Key=key)
        limit.reschedule(asyncio.get_running_loop().time() + self._allowance_seconds(response["ContentLength"]))
        async with response["Body"] as body:
            data: bytes = await body.read()
            return data

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete; missing keys are no error. Raises: StorageUnavailable."""
        for key in keys:
            self._recent.forget(key)
        for start in range(0, len(keys), _KEYS_PER_REQUEST):
            await self._delete(keys[start : start + _KEYS_PER_REQUEST])

    async def _delete(self, keys: Sequence[str]) -> None:
        named = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        response = await self._call("delete", lambda _: self._client.delete_objects(Bucket=self._bucket, Delete=named))
        refused = [error for error in response.get("Errors", ()) if error.get("Code") not in _MISSING_CODES]
        if refused:
            message = f"delete: {len(refused)} keys refused, the first with {refused[0].get('Code')}"
            raise StorageUnavailable(message)

    async def list_keys(self, prefix: str) -> Sequence[str]:
        """At most 1,000 keys below a prefix. Raises: StorageUnavailable."""
        response = await self._call(
            "list",
            lambda _: self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=_KEYS_PER_REQUEST),
        )
        return [entry["Key"] for entry in response.get("Contents", ())]

    async def link(self, key: str, *, expires_seconds: int, filename: str | None = None) -> str:
        """A presigned link; with `filename`, one that downloads under that name. Signed locally, no request."""
        params = {"Bucket": self._bucket, "Key": key}
        if filename is not None:
            params["ResponseContentDisposition"] = _attachment(filename)
        url: str = await self._signer.generate_presigned_url("get_object", Params=params, ExpiresIn=expires_seconds)
        return url

    async def check(self) -> None:
        """Raises StorageUnavailable when the bucket cannot be reached."""
        try:
            await self._call("check", lambda _: self._client.head_bucket(Bucket=self._bucket))
        except ObjectMissing as error:
            # HEAD has no body, so a missing bucket and a missing key are told by the same bare 404.
            message = f"bucket {self._bucket} does not exist"
            raise StorageUnavailable(message) from error.__cause__

    async def _call(self, name: str, send: Callable[[asyncio.Timeout], Awaitable[T]], *, size_bytes: int = 0) -> T:
        """Make a request, bounded in time and repeated while that may help; every request of ours may be repeated.

        Raises: ObjectMissing, StorageUnavailable.
        """
        refuse_inside_transaction(f"a storage call ({name})")
        allowance_seconds = self._allowance_seconds(size_bytes)
        for pause_seconds in _PAUSES_SECONDS:
            try:
                return await self._attempt(name, send, allowance_seconds)
            except StorageUnavailable as error:
                if not _may_pass(error.__cause__):
                    raise
            await asyncio.sleep(pause_seconds)
            # It may be slow and not hang: then the same patience would fail again, and only add to its load.
            allowance_seconds *= 2
        return await self._attempt(name, send, allowance_seconds)

    async def _attempt(self, name: str, send: Callable[[asyncio.Timeout], Awaitable[T]], allowance_seconds: float) -> T:
        """One attempt; translates what S3, the client and the network raise."""
        try:
            async with self._connections, asyncio.timeout(allowance_seconds) as limit:
                return await send(limit)
        except ClientError as error:
            if _code(error) in _MISSING_CODES:
                raise ObjectMissing(name) from error
            message = f"{name}: {_code(error)}"
            raise StorageUnavailable(message) from error
        except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
            message = f"{name}: {type(error).__name__}"
            raise StorageUnavailable(message) from error

    def _allowance_seconds(self, size_bytes: int) -> float:
        return self._attempt_seconds + size_bytes / self._slowest_bytes_per_second


@functools.cache
def _session(access_key: str, secret_key: str, region: str) -> aioboto3.Session:
    """One a process, however many clients there are: each new one reads all descriptions of the service again."""
    return aioboto3.Session(access_key, secret_key, region_name=region)


def _may_pass(error: BaseException | None) -> bool:
    """Whether the same request may succeed in a moment."""
    if not isinstance(error, ClientError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or _code(error) in _PASSING_CODES


def _code(error: BaseException | None) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _attachment(filename: str) -> str:
    """RFC 6266; the name is ours and plain, but a quote or a line break in it would end the header."""
    return f'attachment; filename="{_UNSAFE_IN_FILENAME.sub("_", filename)}"'
