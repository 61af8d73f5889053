"""The demo vendor: an HTTP service that makes pictures and short videos, at once or as a task."""
