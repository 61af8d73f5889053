"""What is on sale."""

from fastapi import APIRouter

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.rendering import model_of, product_of, style_of
from app.api.webapp.shapes import Catalogue, Listing, Style

router = APIRouter(prefix="/api/v1", tags=["catalogue"], route_class=SignedInRoute)


@router.get("/catalog", summary="Models, styles and products on sale", responses=refusals(*SIGNED_IN))
async def read_catalog(caller: SignedIn, container: Wired) -> Catalogue:
    """In the operator's order; what cannot be ordered right now is left out."""
    models = await container.services.catalog.list_models()
    products = await container.services.catalog.list_products()
    return Catalogue(
        models=[model_of(model, caller.language) for model in models],
        styles=[style_of(style, caller.language) for style in await container.services.catalog.list_styles()],
        products=[product_of(product, caller) for product in products],
    )


@router.get("/styles", summary="Styles", responses=refusals(*SIGNED_IN))
async def list_styles(caller: SignedIn, container: Wired) -> Listing[Style]:
    """Prompt templates in the operator's order, all of them on one page; one that cannot be ordered now is left out."""
    styles = await container.services.catalog.list_styles()
    return Listing(items=[style_of(style, caller.language) for style in styles], next_cursor=None)
