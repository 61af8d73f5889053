"""Photos of the chat: what a draft waits for, the files that it is made from until they are fetched, its album."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("drafts", sa.Column("awaits", sa.Text(), nullable=True))
    op.add_column("drafts", sa.Column("media_group_id", sa.Text(), nullable=True))
    op.add_column("drafts", sa.Column("files", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False))
    op.create_index(
        "drafts_waiting",
        "drafts",
        ["user_id", sa.text("created_at DESC")],
        unique=False,
        postgresql_where=sa.text("awaits IS NOT NULL"),
    )
    op.create_index(
        "drafts_album",
        "drafts",
        ["user_id", "media_group_id"],
        unique=True,
        postgresql_where=sa.text("media_group_id IS NOT NULL"),
    )
    # Who replies to a result says its message's id, and nothing else.
    op.create_index(
        "deliveries_result_message",
        "deliveries",
        ["user_id", "message_id"],
        unique=False,
        postgresql_where=sa.text("kind IN ('result', 'original') AND message_id IS NOT NULL"),
    )


def downgrade() -> None:
    message = "this migration holds what users have sent: going below it is restoring a backup"
    raise RuntimeError(message)
