"""Avatars, and the photos that they keep."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "avatars",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("photos", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "avatars_user",
        "avatars",
        ["user_id", sa.text("created_at DESC")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.add_column("uploads", sa.Column("avatar_count", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint("uploads_avatar_count", "uploads", "avatar_count >= 0")
    for name, column, condition in (
        ("uploads_unused", "expires_at", "settled_at IS NULL"),
        ("uploads_settled", "settled_at", "settled_at IS NOT NULL"),
    ):
        op.drop_index(name, "uploads")
        op.create_index(
            name, "uploads", [column], unique=False, postgresql_where=sa.text(f"{condition} AND avatar_count = 0")
        )


def downgrade() -> None:
    message = "this migration holds what users have sent: going below it is restoring a backup"
    raise RuntimeError(message)
