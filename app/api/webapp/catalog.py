"""What is on sale."""

from fastapi import APIRouter

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.rendering import model_of, product_of, styles_of
from app.api.webapp.shapes import Catalogue, Listing, Style

router = APIRouter(prefix="/api/v1", tags=["catalogue"], route_class=SignedInRoute)


@router.get("/catalog", summary="Models, styles and products on sale", responses=refusals(*SIGNED_IN))
async def read_catalog(caller: SignedIn, container: Wired) -> Catalogue:
    """In the operator's order; what cannot be ordered right now is left out."""
    models = await container.services.catalog.list_models()
    products = await container.services.catalog.list_products()
    return Catalogue(
        models=[model_of(model, caller.language) for model in models],
        styles=await styles_of(container, caller.language),
        products=[product_of(product, caller) for product in products],
    )


@router.get("/styles", summary="Styles", responses=refusals(*SIGNED_IN))
async def list_styles(caller: SignedIn, container: Wired) -> Listing[Style]:
    """Prompt templates and then photo packs, in the operator's order, all of them on one page.

    What cannot be ordered now is left out.
    """
    return Listing(items=await styles_of(container, caller.language), next_cursor=None)
