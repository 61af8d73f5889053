"""`python -m app` is `starbrush`."""

from app.cli import main

main()
