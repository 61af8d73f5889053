"""What the operator is told: a queue that grows old, books that are proved every minute."""

from app.domain.users.views import UserView
from tests.domain.shop import Shop


async def test_an_old_queue_is_told(shop: Shop, ann: UserView) -> None:
    await shop.submit(ann)
    await shop.services.books.check_queue()
    assert await shop.alerts() == []
    await shop.run_sql("UPDATE generations SET accepted_at = now() - interval '6 minutes'")
    await shop.services.books.check_queue()
    assert await shop.alerts() == ["queue-old"]
    assert await shop.scalar("SELECT params ->> 'waiting' FROM alerts") == "1"


async def test_every_entry_is_looked_at_twice(shop: Shop, ann: UserView) -> None:
    """Ids are given out before their transactions commit: an entry may appear behind the newest one seen."""
    assert await shop.services.books.check_touched() == []
    await shop.run_sql("UPDATE users SET credits = credits + 1")
    assert await shop.services.books.check_touched() != []
    assert await shop.services.books.check_touched() == [], "not touched since; the full proof finds it"
    assert await shop.prove() != []


async def test_the_full_proof_counts_everybody(shop: Shop, ann: UserView) -> None:
    await shop.newcomer(700_000_002)
    assert await shop.services.books.prove_all() == (2, [])
