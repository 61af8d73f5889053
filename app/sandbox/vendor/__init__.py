"""The demo vendor: an HTTP service that makes pictures, at once or as a task."""
