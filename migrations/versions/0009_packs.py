"""Photo packs: what is sold, and the shots of what was ordered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pack_styles",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("titles", postgresql.JSONB(), nullable=False),
        sa.Column("sample_url", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "style_shots",
        sa.Column("style_key", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.CheckConstraint("prompt <> ''", name="style_shots_prompt"),
        sa.ForeignKeyConstraint(["style_key"], ["pack_styles.key"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("style_key", "position"),
    )
    op.create_table(
        "pack_shots",
        sa.Column("generation_id", sa.Uuid(), nullable=False),
        sa.Column("output_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("lost_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("generation_id", "output_index"),
    )
    for table in ("drafts", "generations"):
        op.add_column(table, sa.Column("avatar_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    message = "this migration holds what users have ordered: going below it is restoring a backup"
    raise RuntimeError(message)
