"""The shop of the domain's tests, at the worker's border."""

from tests.domain.conftest import ann, database_url, domain_database, open_shop, shop

__all__ = ["ann", "database_url", "domain_database", "open_shop", "shop"]
