"""The shop in an outside browser: plain pages, reached by the one-time link of `/web`, the only place for cards."""
