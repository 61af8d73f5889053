"""What a message of the chat shows is found by its index also for albums; its key no longer has the chat's number."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("deliveries_result_message", "deliveries")
    op.create_index(
        "deliveries_result_message",
        "deliveries",
        ["user_id", "message_id"],
        postgresql_where=sa.text("kind IN ('result', 'album', 'original') AND message_id IS NOT NULL"),
    )
    # Of whoever has deleted their data, the key is all that still named them.
    op.execute("UPDATE deliveries SET key = 'shown:' || user_id || ':' || message_id WHERE key LIKE 'shown:%'")


def downgrade() -> None:
    message = "this migration forgets what a deletion had left: going below it is restoring a backup"
    raise RuntimeError(message)
