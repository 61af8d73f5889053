"""What a user may do at all: checked in every write use case, so that no surface can forget it (trap 39)."""

from datetime import UTC

from app.domain.errors import UserBanned, UserNotFound, UserSuspended
from app.domain.users.views import UserView


def require_allowed(user: UserView) -> None:
    """Let pass who is neither banned nor suspended.

    Raises: UserBanned, UserSuspended.
    """
    if user.banned:
        raise UserBanned
    if user.suspended_until is not None:
        until = user.suspended_until.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        raise UserSuspended(until=until, reason=user.suspend_reason or "")


def require_present(user: UserView | None) -> UserView:
    """A user who is there, as found or locked, also when they may do nothing. Raises: UserNotFound (deleted too)."""
    if user is None or user.deleted:
        raise UserNotFound
    return user


def require_active(user: UserView | None) -> UserView:
    """A user who is there and may act, as found or locked.

    Raises: UserNotFound (deleted ones too), UserBanned, UserSuspended.
    """
    present = require_present(user)
    require_allowed(present)
    return present
