"""The object store: any server that speaks S3, through one kept-open client.

Links are signed for the address that users reach, which may differ from the one that we write to.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Self

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from app.core.db import refuse_inside_transaction
from app.domain.ports import ObjectMissing, StorageUnavailable

_CONNECT_TIMEOUT_SECONDS: Final = 3
_READ_TIMEOUT_SECONDS: Final = 20
# Every request is also bounded as a whole, retries included: a server that drips bytes must not hold a worker.
_TOTAL_TIMEOUT_SECONDS: Final = 60
# One repetition mends a stale connection; anything longer is the caller's business, which has its own schedule.
_ATTEMPTS: Final = 2
_CONNECTIONS: Final = 32
# S3's own limit for DeleteObjects and for one page of a list.
_KEYS_PER_REQUEST: Final = 1000

_UNSAFE_IN_FILENAME: Final = re.compile(r"[^A-Za-z0-9._ -]")

_MISSING_CODES: Final = frozenset(("NoSuchKey", "404", "NotFound"))
_NO_BUCKET_CODES: Final = frozenset(("NoSuchBucket", "404", "NotFound"))
_BUCKET_EXISTS_CODES: Final = frozenset(("BucketAlreadyOwnedByYou", "BucketAlreadyExists"))


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
    ) -> None:
        self._endpoint_url = endpoint_url
        self._public_url = public_url or endpoint_url
        self._bucket = bucket
        self._session = aioboto3.Session(access_key, secret_key, region_name=region)
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._signer: Any = None

    async def open(self) -> None:
        """Build the clients; nothing is sent yet."""
        config = AioConfig(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            read_timeout=_READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
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
        return await self._stack.enter_async_context(
            self._session.client("s3", endpoint_url=endpoint_url, config=config)
        )

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
            async with _storage_call("create bucket"):
                await self._client.create_bucket(Bucket=self._bucket)
        except StorageUnavailable as error:
            # Another process was quicker.
            if _code(error.__cause__) not in _BUCKET_EXISTS_CODES:
                raise

    async def put(self, key: str, data: bytes, *, mime: str) -> None:
        """Store or replace. Raises: StorageUnavailable."""
        async with _storage_call("put"):
            await self._client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=mime)

    async def get(self, key: str) -> bytes:
        """Read. Raises: ObjectMissing, StorageUnavailable."""
        async with _storage_call("get"):
            response = await self._client.get_object(Bucket=self._bucket, Key=key)
            async with response["Body"] as body:
                data: bytes = await body.read()
                return data

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete; missing keys are no error. Raises: StorageUnavailable."""
        for start in range(0, len(keys), _KEYS_PER_REQUEST):
            objects = [{"Key": key} for key in keys[start : start + _KEYS_PER_REQUEST]]
            async with _storage_call("delete"):
                response = await self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
                )
            refused = [error for error in response.get("Errors", ()) if error.get("Code") not in _MISSING_CODES]
            if refused:
                message = f"delete: {len(refused)} keys refused, the first with {refused[0].get('Code')}"
                raise StorageUnavailable(message)

    async def list_keys(self, prefix: str) -> Sequence[str]:
        """At most 1,000 keys below a prefix. Raises: StorageUnavailable."""
        async with _storage_call("list"):
            response = await self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=_KEYS_PER_REQUEST)
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
            async with _storage_call("check"):
                await self._client.head_bucket(Bucket=self._bucket)
        except ObjectMissing as error:
            # HEAD has no body, so a missing bucket and a missing key are told by the same bare 404.
            message = f"bucket {self._bucket} does not exist"
            raise StorageUnavailable(message) from error.__cause__


@asynccontextmanager
async def _storage_call(name: str) -> AsyncIterator[None]:
    """Bound a request in time and translate what S3, the client and the network raise."""
    refuse_inside_transaction(f"a storage call ({name})")
    try:
        async with asyncio.timeout(_TOTAL_TIMEOUT_SECONDS):
            yield
    except ClientError as error:
        if _code(error) in _MISSING_CODES:
            raise ObjectMissing(name) from error
        message = f"{name}: {_code(error)}"
        raise StorageUnavailable(message) from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
        message = f"{name}: {type(error).__name__}"
        raise StorageUnavailable(message) from error


def _code(error: BaseException | None) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _attachment(filename: str) -> str:
    """RFC 6266; the name is ours and plain, but a quote or a line break in it would end the header."""
    return f'attachment; filename="{_UNSAFE_IN_FILENAME.sub("_", filename)}"'
