"""Reads and writes of the users table, but for the credit columns."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Reader, Tx
from app.domain.users.views import UserView

# A tier that has run out falls back at the moment it is looked at; no job has to demote anybody. What the operator
# gave and what the user paid for are two columns, so that the end of one never takes the other.
_GIVEN = "tier <> 'free' AND (tier_until IS NULL OR tier_until > clock_now())"
TIER_IN_FORCE = f"CASE WHEN {_GIVEN} THEN tier WHEN premium_until > clock_now() THEN 'premium' ELSE 'free' END"
COLUMNS = f"""
    u.id, u.telegram_id, u.first_name, u.username, u.language,
    {TIER_IN_FORCE} AS tier,
    CASE WHEN {_GIVEN} THEN u.tier_until WHEN u.premium_until > clock_now() THEN u.premium_until END AS tier_until,
    u.credits, u.held, u.debt, u.active_generations, u.quick_mode, u.preferences,
    u.banned_at IS NOT NULL AS banned, u.ban_reason,
    CASE WHEN u.suspended_until > clock_now() THEN u.suspended_until END AS suspended_until, u.suspend_reason,
    u.unreachable_since IS NOT NULL AS unreachable, u.deleted_at IS NOT NULL AS deleted
"""


def telegram_hash(telegram_id: int, key: bytes) -> bytes:
    """What stays of a Telegram id after deletion, so that a ban and the first grant are not won back (trap 37)."""
    return hmac.new(key, f"telegram-id:{telegram_id}".encode(), hashlib.sha256).digest()


def to_view(row: Row[Any]) -> UserView:
    """A user from a row of `COLUMNS`."""
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name of the row as a mapping
    return UserView(**{name: fields[name] for name in UserView.__dataclass_fields__})


def _select(condition: str, *, lock: str = "") -> Any:
    return text(f"SELECT {COLUMNS} FROM users u WHERE {condition} {lock}").columns(preferences=JSONB)  # noqa: S608 - fixed text


# As strong as an update of the balances needs, and no stronger: what refers to the user (a message owed to somebody
# else) does not wait for it, and so is no part of a deadlock.
_LOCK = "FOR NO KEY UPDATE"

_BY_ID = _select("u.id = :id")
_BY_ID_LOCKED = _select("u.id = :id", lock=_LOCK)
_BY_TELEGRAM_ID = _select("u.telegram_id = :telegram_id")
_BY_TELEGRAM_ID_LOCKED = _select("u.telegram_id = :telegram_id", lock=_LOCK)
_BY_HASH = _select("u.telegram_hash = :hash")
_BY_HASH_LOCKED = _select("u.telegram_hash = :hash", lock=_LOCK)

_INSERT = text(
    """
    INSERT INTO users (telegram_id, telegram_hash, first_name, username, language)
    VALUES (:telegram_id, :hash, :first_name, :username, :language)
    """
)
_REFRESH = text(
    """
    UPDATE users u SET telegram_id = :telegram_id, first_name = :first_name, username = :username,
        language = CASE WHEN language_chosen OR deleted_at IS NULL THEN language ELSE :language END,
        last_active_at = clock_now(), unreachable_since = NULL, deleted_at = NULL
    WHERE id = :id
    """
)
_LANGUAGE = text("UPDATE users SET language = :language, language_chosen = true WHERE id = :id")
_QUICK_MODE = text("UPDATE users SET quick_mode = :enabled WHERE id = :id")
_PREFERENCES = text("UPDATE users SET preferences = preferences || :preferences WHERE id = :id").bindparams(
    bindparam("preferences", type_=JSONB)
)
_BAN = text("UPDATE users SET banned_at = clock_now(), ban_reason = :reason WHERE id = :id")
_UNBAN = text("UPDATE users SET banned_at = NULL, ban_reason = NULL WHERE id = :id")
_SUSPEND = text("UPDATE users SET suspended_until = :until, suspend_reason = :reason WHERE id = :id")
_TIER = text("UPDATE users SET tier = :tier, tier_until = :until WHERE id = :id")
_UNREACHABLE = text(
    "UPDATE users SET unreachable_since = coalesce(unreachable_since, clock_now()) WHERE telegram_id = :telegram_id"
)
_ERASE = text(
    """
    UPDATE users SET telegram_id = NULL, first_name = '', username = NULL, preferences = '{}', quick_mode = false,
        language_chosen = false, deleted_at = clock_now()
    WHERE id = :id
    """
)


async def find(reader: Reader, user_id: int) -> UserView | None:
    """A user by our id."""
    row = await reader.one_or_none(_BY_ID, {"id": user_id})
    return to_view(row) if row else None


async def find_by_telegram_id(reader: Reader, telegram_id: int) -> UserView | None:
    """A user by Telegram's id."""
    row = await reader.one_or_none(_BY_TELEGRAM_ID, {"telegram_id": telegram_id})
    return to_view(row) if row else None


async def lock(tx: Tx, user_id: int) -> UserView | None:
    """A user, their row locked until the end of the transaction (the first lock of whatever moves credits)."""
    row = await tx.one_or_none(_BY_ID_LOCKED, {"id": user_id})
    return to_view(row) if row else None


async def lock_by_telegram_id(tx: Tx, telegram_id: int) -> UserView | None:
    """Like `lock`, by Telegram's id."""
    row = await tx.one_or_none(_BY_TELEGRAM_ID_LOCKED, {"telegram_id": telegram_id})
    return to_view(row) if row else None


async def find_by_hash(reader: Reader, digest: bytes) -> UserView | None:
    """A user by the keyed hash of Telegram's id."""
    row = await reader.one_or_none(_BY_HASH, {"hash": digest})
    return to_view(row) if row else None


async def lock_by_hash(tx: Tx, digest: bytes) -> UserView | None:
    """Like `lock`, by the keyed hash; also finds those who were deleted."""
    row = await tx.one_or_none(_BY_HASH_LOCKED, {"hash": digest})
    return to_view(row) if row else None


async def insert(
    tx: Tx, *, telegram_id: int, digest: bytes, first_name: str, username: str | None, language: str
) -> None:
    """A new user. Raises IntegrityError when another transaction was first."""
    await tx.execute(
        _INSERT,
        {
            "telegram_id": telegram_id,
            "hash": digest,
            "first_name": first_name,
            "username": username,
            "language": language,
        },
    )


async def refresh(
    tx: Tx, user_id: int, *, telegram_id: int, first_name: str, username: str | None, language: str
) -> None:
    """Take over what Telegram says of them now; they are active, reachable and (again) here."""
    await tx.execute(
        _REFRESH,
        {
            "id": user_id,
            "telegram_id": telegram_id,
            "first_name": first_name,
            "username": username,
            "language": language,
        },
    )


async def set_language(tx: Tx, user_id: int, language: str) -> None:
    """The user's own choice; Telegram's code no longer matters."""
    await tx.execute(_LANGUAGE, {"id": user_id, "language": language})


async def set_quick_mode(tx: Tx, user_id: int, *, enabled: bool) -> None:
    """Whether a text starts without the card."""
    await tx.execute(_QUICK_MODE, {"id": user_id, "enabled": enabled})


async def merge_preferences(tx: Tx, user_id: int, preferences: Mapping[str, object]) -> None:
    """Remember choices for the next card."""
    await tx.execute(_PREFERENCES, {"id": user_id, "preferences": dict(preferences)})


async def set_ban(tx: Tx, user_id: int, *, reason: str | None) -> None:
    """Ban with a reason, or lift the ban with None."""
    await tx.execute(_UNBAN if reason is None else _BAN, {"id": user_id} | ({"reason": reason} if reason else {}))


async def set_suspension(tx: Tx, user_id: int, *, until: datetime | None, reason: str | None) -> None:
    """Suspend until a time of the product's clock, or lift it with None."""
    await tx.execute(_SUSPEND, {"id": user_id, "until": until, "reason": reason})


async def set_tier(tx: Tx, user_id: int, *, tier: str, until: datetime | None) -> None:
    """Give a tier, for ever or until a time of the product's clock."""
    await tx.execute(_TIER, {"id": user_id, "tier": tier, "until": until})


async def mark_unreachable(tx: Tx, telegram_id: int) -> None:
    """The user blocked the bot; nothing is sent until they come back."""
    await tx.execute(_UNREACHABLE, {"telegram_id": telegram_id})


async def erase(tx: Tx, user_id: int) -> None:
    """Leave a tombstone: the keyed hash, the ban and the ledger stay, everything personal goes."""
    await tx.execute(_ERASE, {"id": user_id})
