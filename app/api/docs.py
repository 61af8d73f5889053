"""The API's description and a page that shows it, without anything from elsewhere."""

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, JSONResponse

router = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).with_name("docs_page")
_FILES: Final = {"docs.css": "text/css", "docs.js": "text/javascript"}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Cache-Control": "no-cache",
}


@router.get("/api/openapi.json")
async def read_openapi(request: Request) -> JSONResponse:
    """OpenAPI 3.1."""
    document: dict[str, Any] = request.app.openapi()
    return JSONResponse(document, headers={"Cache-Control": "no-cache"})


@router.get("/api/docs")
async def read_docs() -> FileResponse:
    """The page."""
    return FileResponse(_FOLDER / "index.html", media_type="text/html", headers=_HEADERS)


async def _read_file(request: Request) -> FileResponse:
    name = request.url.path.rpartition("/")[2]
    return FileResponse(_FOLDER / name, media_type=_FILES[name], headers=_HEADERS)


for _name in _FILES:
    router.add_api_route(f"/api/docs/{_name}", _read_file)
