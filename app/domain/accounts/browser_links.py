"""Links that open the cabinet in an outside browser: signed, for one use, within ten minutes (spec §2, row 17)."""

import hashlib
import hmac
import re
import secrets
import struct
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database
from app.domain.actors import Actor
from app.domain.errors import SessionExpired, Unauthenticated
from app.domain.limits import request_keys
from app.domain.limits.request_keys import RequestKey
from app.domain.users import repository as users
from app.domain.users.rules import require_active, require_allowed
from app.domain.users.views import UserView

LINK_LIFE: Final = timedelta(minutes=10)

# Our id of the user, the end in seconds since 1970, and what makes the link one of its own.
_PAYLOAD: Final = struct.Struct(">QQ12s")
_NONCE_BYTES: Final = 12
_SIGNATURE_BYTES: Final = 32
_TOKEN: Final = re.compile(r"[0-9a-f]{120}")
_PURPOSE: Final = b"browser-link"
_OPERATION: Final = "browser-link"
_NOW = text("SELECT clock_now()")


class BrowserLinkService:
    """Makes and redeems these links. `key` is the installation's own secret."""

    def __init__(self, db: Database, *, key: bytes) -> None:
        self._db = db
        self._key = hmac.digest(key, _PURPOSE, hashlib.sha256)

    async def create(self, actor: Actor) -> str:
        """A token for one link. Raises: UserNotFound, UserBanned, UserSuspended."""
        async with self._db.read() as reader:
            user = require_active(await users.find(reader, actor.user_id))
            now: datetime = await reader.scalar(_NOW)
        ends_at = int((now + LINK_LIFE).timestamp())
        payload = _PAYLOAD.pack(user.id, ends_at, secrets.token_bytes(_NONCE_BYTES))
        # Letters and digits alone: of other signs at the end of a link some apps make none of it.
        return (payload + self._sign(payload)).hex()

    async def read(self, token: str) -> UserView:
        """Whose link it is, without using it up: a preview of the link's page must not.

        Raises: Unauthenticated when we never made it, SessionExpired when its time is over or its user has left.
        """
        payload = self._open(token)
        user_id, ends_at, _ = _PAYLOAD.unpack(payload)
        async with self._db.read() as reader:
            user = await users.find(reader, user_id)
            now: datetime = await reader.scalar(_NOW)
        if user is None or user.deleted or now >= datetime.fromtimestamp(ends_at, UTC):
            raise SessionExpired
        return user

    async def redeem(self, token: str) -> UserView:
        """Use the link up, for ever and in every process.

        Raises: Unauthenticated, SessionExpired (also for a second use), UserBanned, UserSuspended.
        """
        user = await self.read(token)
        require_allowed(user)
        digest = hashlib.sha256(self._open(token)).digest()
        used = RequestKey(f"link:{digest[:16].hex()}", _OPERATION, digest)
        try:
            async with self._db.transaction() as tx:
                await request_keys.remember(tx, user.id, used, "used")
        except IntegrityError as error:
            raise SessionExpired(log={"why": "the link was used before"}) from error
        return user

    def _open(self, token: str) -> bytes:
        """The signed part. Raises: Unauthenticated."""
        if not _TOKEN.fullmatch(token):
            raise Unauthenticated
        raw = bytes.fromhex(token)
        payload, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
        if not hmac.compare_digest(self._sign(payload), signature):
            raise Unauthenticated
        return payload

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, hashlib.sha256)
