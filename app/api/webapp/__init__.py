"""The cabinet's API, `/api/v1` (spec §6): one module a topic, shapes and bodies beside them."""
