"""Styles, and what a styled order tells the vendor: fixed when it is accepted, whatever becomes of the style."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "styles",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("titles", postgresql.JSONB(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("model_key", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("sample_url", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(["model_key"], ["models.key"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("key"),
    )
    for table in ("drafts", "generations"):
        op.add_column(table, sa.Column("style_key", sa.Text(), nullable=True))
    op.add_column("generations", sa.Column("rendered_prompt", sa.Text(), nullable=True))


def downgrade() -> None:
    message = "this migration holds what users have ordered: going below it is restoring a backup"
    raise RuntimeError(message)
