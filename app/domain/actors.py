"""Who acts: every write use case takes an actor first, and the ledger and the audit log keep its label."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The doors through which an act can come."""

    USER = "user"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts. `id` is our user id, or an operator's name."""

    kind: ActorKind
    id: str

    @classmethod
    def user(cls, user_id: int) -> "Actor":
        """A user acting for themselves."""
        return cls(ActorKind.USER, str(user_id))

    @classmethod
    def operator(cls, name: str) -> "Actor":
        """An operator, by name."""
        return cls(ActorKind.OPERATOR, name)

    @classmethod
    def system(cls, part: str) -> "Actor":
        """A part of the system acting by itself."""
        return cls(ActorKind.SYSTEM, part)

    @property
    def label(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def user_id(self) -> int:
        """The user's id.

        Raises: AssertionError for any other actor; a use case of users was called by somebody else.
        """
        if self.kind is not ActorKind.USER:
            message = f"{self.label} is not a user"
            raise AssertionError(message)
        return int(self.id)
