"""The signed-in user: read, change, erase."""

from fastapi import APIRouter

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.bodies import MeChanges
from app.api.webapp.rendering import me_of
from app.api.webapp.shapes import Me

router = APIRouter(prefix="/api/v1", tags=["me"], route_class=SignedInRoute)


@router.get("/me", summary="Who I am, what I have, what I may", responses=refusals(*SIGNED_IN))
async def read_me(caller: SignedIn, container: Wired) -> Me:
    """The signed-in user."""
    return await me_of(container, caller.actor)


@router.patch("/me", summary="Change language or quick mode", responses=refusals(*SIGNED_IN))
async def change_me(body: MeChanges, caller: SignedIn, container: Wired) -> Me:
    """What is left out stays as it is."""
    users = container.services.users
    if body.language is not None:
        await users.choose_language(caller.actor, body.language)
    if body.quick_mode is not None:
        await users.set_quick_mode(caller.actor, enabled=body.quick_mode)
    return await me_of(container, caller.actor)


@router.delete("/me", status_code=204, summary="Delete my data", responses=refusals(*SIGNED_IN))
async def erase_me(caller: SignedIn, container: Wired) -> None:
    """Media and prompts are gone at once; open work is returned first. The ledger stays, under no name.

    Credits that are left are lost. Every session ends.
    """
    await container.services.accounts.erase(caller.actor)
