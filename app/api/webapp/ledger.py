"""The statement."""

from fastapi import APIRouter

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.paging import Cursor, Limit
from app.api.webapp.rendering import ledger_item_of
from app.api.webapp.shapes import LedgerItem, Listing

router = APIRouter(prefix="/api/v1", tags=["ledger"], route_class=SignedInRoute)


@router.get("/ledger", summary="Every movement of my credits, newest first", responses=refusals(*SIGNED_IN))
async def list_ledger(
    caller: SignedIn, container: Wired, cursor: Cursor = None, limit: Limit = 20
) -> Listing[LedgerItem]:
    """In words, with the balances after each."""
    page = await container.services.credits.statement(caller.actor, cursor=cursor, limit=limit)
    items = [ledger_item_of(container, item, caller.language) for item in page.items]
    return Listing(items=items, next_cursor=page.next_cursor)
