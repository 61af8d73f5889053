"""What is worked from, what routes take and say to vendors, and the breakers of routes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NO_FIELDS = sa.text("'{}'")


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_stored", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erase_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ring_number", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uploads_user", "uploads", ["user_id"])
    op.create_index(
        "uploads_unused", "uploads", ["expires_at"], unique=False, postgresql_where=sa.text("settled_at IS NULL")
    )
    op.create_index(
        "uploads_settled", "uploads", ["settled_at"], unique=False, postgresql_where=sa.text("settled_at IS NOT NULL")
    )
    for table in ("drafts", "generations"):
        op.add_column(
            table, sa.Column("inputs", postgresql.ARRAY(sa.Uuid()), server_default=_NO_FIELDS, nullable=False)
        )
    op.create_index(
        "generations_open_user",
        "generations",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('PENDING', 'PROCESSING')"),
    )
    op.add_column("generation_outputs", sa.Column("duration_seconds", sa.Float(), nullable=True))
    op.add_column(
        "provider_attempts", sa.Column("estimate_micros", sa.BigInteger(), server_default="0", nullable=False)
    )
    # Whoever rings at the door says a task's id, and nothing else.
    op.create_index(
        "provider_attempts_task",
        "provider_attempts",
        ["task_id"],
        unique=False,
        postgresql_where=sa.text("state = 'RUNNING'"),
    )
    for name in ("parameters", "bounds"):
        op.add_column("provider_routes", sa.Column(name, postgresql.JSONB(), server_default=_NO_FIELDS, nullable=False))
    op.create_table(
        "route_breakers",
        sa.Column("route_id", sa.Uuid(), nullable=False),
        sa.Column("failed_at", postgresql.ARRAY(sa.DateTime(timezone=True)), server_default=_NO_FIELDS, nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["route_id"], ["provider_routes.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("route_id"),
    )


def downgrade() -> None:
    message = "this migration holds what users have sent: going below it is restoring a backup"
    raise RuntimeError(message)
