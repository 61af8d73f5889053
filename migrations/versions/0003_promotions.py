"""Promo codes, referrals, and pictures with a watermark beside their clean originals."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "promo_codes",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("per_user", sa.Integer(), server_default="1", nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("used", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_now()"), nullable=False),
        sa.CheckConstraint("(credits IS NULL) <> (percent IS NULL)", name="promo_codes_one_gift"),
        sa.CheckConstraint("credits > 0 AND percent BETWEEN 1 AND 99", name="promo_codes_gift"),
        sa.CheckConstraint("total > 0 AND per_user > 0 AND used >= 0", name="promo_codes_limits"),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "promo_redemptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("remembered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("bound_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('GIVEN', 'CLAIMED', 'USED')", name="promo_redemptions_state_known"),
        sa.ForeignKeyConstraint(["code"], ["promo_codes.code"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    # Two taps redeem once (trap 4).
    op.create_index("promo_redemptions_once", "promo_redemptions", ["code", "user_id", "number"], unique=True)
    op.create_index(
        "promo_redemptions_order",
        "promo_redemptions",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index(
        "promo_redemptions_claims",
        "promo_redemptions",
        ["code", "claimed_until"],
        unique=False,
        postgresql_where=sa.text("state = 'CLAIMED'"),
    )
    op.create_index(
        "promo_redemptions_waiting",
        "promo_redemptions",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("state = 'CLAIMED'"),
    )
    op.create_table(
        "referrals",
        sa.Column("invitee_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("inviter_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="INVITED", nullable=False),
        sa.Column("reward", sa.Integer(), nullable=False),
        sa.Column("escrow_days", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("invitee_id <> inviter_id", name="referrals_not_oneself"),
        sa.CheckConstraint("reward >= 0", name="referrals_reward"),
        sa.CheckConstraint(
            "state IN ('INVITED', 'ESCROW', 'PAID', 'RECLAIMING', 'REVERSED', 'REFUNDED')",
            name="referrals_state_known",
        ),
        sa.ForeignKeyConstraint(["invitee_id"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["inviter_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("invitee_id"),
    )
    op.create_index("referrals_inviter", "referrals", ["inviter_id", sa.literal_column("created_at DESC")])
    op.create_index(
        "referrals_payment",
        "referrals",
        ["payment_id"],
        unique=False,
        postgresql_where=sa.text("payment_id IS NOT NULL"),
    )
    op.create_index(
        "referrals_due",
        "referrals",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('ESCROW', 'RECLAIMING')"),
    )
    op.add_column("drafts", sa.Column("funding", sa.Text(), server_default="credits", nullable=False))
    # While a picture is watermarked, its clean copies wait under keys that nobody is told.
    op.add_column(
        "generation_outputs",
        sa.Column("watermarked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("generation_outputs", sa.Column("clean_key", sa.Text(), nullable=True))
    op.add_column("generation_outputs", sa.Column("clean_preview_key", sa.Text(), nullable=True))
    op.add_column("generation_outputs", sa.Column("clean_thumbnail_key", sa.Text(), nullable=True))
    op.add_column("generation_outputs", sa.Column("clean_size_bytes", sa.BigInteger(), nullable=True))
    op.add_column("generation_outputs", sa.Column("clean_preview_size_bytes", sa.BigInteger(), nullable=True))
    op.add_column("generation_outputs", sa.Column("unlocked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        "generation_outputs_clean", "generation_outputs", "watermarked = (clean_key IS NOT NULL)"
    )


def downgrade() -> None:
    message = "this migration holds who has redeemed what: going below it is restoring a backup"
    raise RuntimeError(message)
