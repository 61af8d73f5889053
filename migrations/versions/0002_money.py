"""Money: products, orders, payments, refunds, subscriptions and gifts; paid premium beside the operator's tier."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("premium_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "products",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("titles", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("rub_kopecks", sa.Integer(), nullable=True),
        sa.Column("credits", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("recurring", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("kind IN ('pack', 'subscription', 'unlock')", name="products_kind_known"),
        sa.CheckConstraint("stars > 0 AND rub_kopecks > 0 AND credits > 0 AND days > 0", name="products_positive"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("product_key", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("recurring", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("draft_id", sa.Uuid(), nullable=True),
        sa.Column("generation_id", sa.Uuid(), nullable=True),
        sa.Column("promo_code", sa.Text(), nullable=True),
        sa.Column("promo_percent", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("terminal", sa.Text(), nullable=True),
        sa.Column("vendor_payment_id", sa.Text(), nullable=True),
        sa.Column("consumed_by", sa.Uuid(), nullable=True),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0 AND credits >= 0", name="orders_money"),
        sa.CheckConstraint("status IN ('PENDING', 'PAID', 'FAILED', 'CLOSED')", name="orders_status_known"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("orders_user", "orders", ["user_id", sa.literal_column("id DESC")], unique=False)
    op.create_index(
        "orders_vendor_payment",
        "orders",
        ["method", "vendor_payment_id"],
        unique=True,
        postgresql_where=sa.text("vendor_payment_id IS NOT NULL"),
    )
    op.create_index(
        "orders_check", "orders", ["next_check_at"], unique=False, postgresql_where=sa.text("next_check_at IS NOT NULL")
    )
    op.create_index(
        "orders_draft", "orders", ["draft_id"], unique=False, postgresql_where=sa.text("draft_id IS NOT NULL")
    )
    op.create_index(
        "orders_unpaid", "orders", ["expires_at"], unique=False, postgresql_where=sa.text("status <> 'PAID'")
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("period_no", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("payer_telegram_id", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("refunded_minor", sa.Integer(), server_default="0", nullable=False),
        sa.Column("credits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("clawed_credits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("entry_key", sa.Text(), nullable=True),
        sa.Column("generation_id", sa.Uuid(), nullable=True),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_now()"), nullable=False),
        sa.CheckConstraint("amount_minor > 0 AND credits >= 0", name="payments_money"),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="payments_refunded"),
        sa.CheckConstraint("clawed_credits BETWEEN 0 AND credits", name="payments_clawed"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("payments_charge", "payments", ["method", "charge_id", "period_no"], unique=True)
    op.create_index("payments_user", "payments", ["user_id", sa.literal_column("id DESC")], unique=False)
    op.create_index("payments_order", "payments", ["order_id"], unique=False)
    op.create_index(
        "payments_generation",
        "payments",
        ["generation_id"],
        unique=False,
        postgresql_where=sa.text("generation_id IS NOT NULL"),
    )
    op.create_index(
        "payments_payer",
        "payments",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("payer_telegram_id IS NOT NULL"),
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("credits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="OPEN", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('OPEN', 'DONE', 'REFUSED')", name="refunds_state_known"),
        sa.CheckConstraint("amount_minor > 0 AND credits >= 0", name="refunds_money"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    # Stars go back as a whole: at most one refund of a payment is not refused, ever (trap 30).
    op.create_index(
        "refunds_stars_once",
        "refunds",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("method = 'stars' AND state <> 'REFUSED'"),
    )
    op.create_index("refunds_payment", "refunds", ["payment_id"], unique=False)
    op.create_index(
        "refunds_due", "refunds", ["next_attempt_at"], unique=False, postgresql_where=sa.text("state = 'OPEN'")
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("product_key", sa.Text(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("recurring", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), server_default="ACTIVE", nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stop_owed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("warned_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_now()"), nullable=False),
        sa.CheckConstraint("state IN ('ACTIVE', 'CANCELED', 'FAILED')", name="subscriptions_state_known"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id"),
    )
    op.create_index("subscriptions_user", "subscriptions", ["user_id", sa.literal_column("period_end DESC")])
    op.create_index("subscriptions_ending", "subscriptions", ["period_end"])
    op.create_index("subscriptions_to_stop", "subscriptions", ["id"], postgresql_where=sa.text("stop_owed"))
    op.create_table(
        "gifts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="UNPAID", nullable=False),
        sa.Column("taken_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('UNPAID', 'OPEN', 'TAKEN', 'REVOKED', 'CLOSED')", name="gifts_state_known"),
        sa.ForeignKeyConstraint(["buyer_id"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["taken_by"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id"),
    )
    # Events that failed their check are counted and kept in a bounded table, where they block nothing genuine.
    op.create_table(
        "refused_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    # What is kept of a person is found by their id when they delete their data.
    op.add_column("inbox", sa.Column("telegram_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "inbox_person", "inbox", ["telegram_id"], unique=False, postgresql_where=sa.text("telegram_id IS NOT NULL")
    )
    op.create_index("inbox_done", "inbox", ["created_at"], unique=False, postgresql_where=sa.text("state <> 'OWED'"))
    op.create_index(
        "alerts_person",
        "alerts",
        [sa.literal_column("(params ->> 'telegram_id')")],
        unique=False,
        postgresql_where=sa.text("(params ->> 'telegram_id') IS NOT NULL"),
    )
    # Money back instead of credits when this one fails: what paid for it is looked up by its id.
    op.add_column("generations", sa.Column("money_back", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "generations_money_back",
        "generations",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("money_back AND status IN ('FAILED', 'CANCELLED')"),
    )


def downgrade() -> None:
    message = "this migration holds everybody's money: going below it is restoring a backup"
    raise RuntimeError(message)
