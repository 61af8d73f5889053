"""The catalogue's tables. Model ids of vendors are data, never code: vendors rename and close models every month."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, text, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class CatalogModel(Base):
    """A model as it is sold: price an output, options allowed, limits a user."""

    __tablename__ = "models"
    __table_args__ = (CheckConstraint("price_credits > 0", name="models_price_positive"),)

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    titles: Mapped[Any] = mapped_column(JSONB)
    price_credits: Mapped[int]
    options: Mapped[Any] = mapped_column(JSONB)
    max_active: Mapped[int | None]
    max_per_hour: Mapped[int | None]
    timeout_seconds: Mapped[int]
    sample_url: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int]
    enabled: Mapped[bool] = mapped_column(server_default=true())


class ProviderRoute(Base):
    """One way to have a model made: a provider and its own name for the model, in order of `position`.

    `cost_micros` is for one output, or for one second of a video. `parameters` go to the vendor, `bounds` say what it
    takes.
    """

    __tablename__ = "provider_routes"
    __table_args__ = (Index("provider_routes_model", "model_key", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model_key: Mapped[str] = mapped_column(Text, ForeignKey("models.key", ondelete="RESTRICT"))
    provider: Mapped[str] = mapped_column(Text)
    vendor_model: Mapped[str] = mapped_column(Text)
    position: Mapped[int]
    enabled: Mapped[bool] = mapped_column(server_default=true())
    cost_micros: Mapped[int]
    parameters: Mapped[Any] = mapped_column(JSONB, server_default=text("'{}'"))
    bounds: Mapped[Any] = mapped_column(JSONB, server_default=text("'{}'"))
    paused_until: Mapped[datetime | None]
    pause_reason: Mapped[str | None] = mapped_column(Text)


class PackStyle(Base):
    """A photo pack as it is sold: a look that an avatar is photographed in, shot by shot.

    Its price is that of the pack model for as many outputs as it has shots.
    """

    __tablename__ = "pack_styles"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    titles: Mapped[Any] = mapped_column(JSONB)
    sample_url: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int]
    enabled: Mapped[bool] = mapped_column(server_default=true())


class StyleShot(Base):
    """One picture of a pack. Orders keep the words that they were accepted with, so that changes touch no open one."""

    __tablename__ = "style_shots"
    __table_args__ = (CheckConstraint("prompt <> ''", name="style_shots_prompt"),)

    style_key: Mapped[str] = mapped_column(Text, ForeignKey("pack_styles.key", ondelete="RESTRICT"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    prompt: Mapped[str] = mapped_column(Text)


class RouteBreaker(Base):
    """The fuse of a route that has failed lately; a route without a row is sound.

    `failed_at` are the failures of the last while, `open_until` is set from opening until a probe succeeds, and
    `probe_until` while one process tries.
    """

    __tablename__ = "route_breakers"

    route_id: Mapped[UUID] = mapped_column(ForeignKey("provider_routes.id", ondelete="RESTRICT"), primary_key=True)
    failed_at: Mapped[Any] = mapped_column(ARRAY(DateTime(timezone=True)), server_default=text("'{}'"))
    open_until: Mapped[datetime | None]
    probe_until: Mapped[datetime | None]


class Style(Base):
    """A prompt template of the operator's, with the model that it is made by unless another one is chosen.

    `options` is what it brings with it: a ratio, a length, the number of pictures that it is made from.
    """

    __tablename__ = "styles"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    titles: Mapped[Any] = mapped_column(JSONB)
    template: Mapped[str] = mapped_column(Text)
    model_key: Mapped[str] = mapped_column(Text, ForeignKey("models.key", ondelete="RESTRICT"))
    options: Mapped[Any] = mapped_column(JSONB, server_default=text("'{}'"))
    sample_url: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int]
    enabled: Mapped[bool] = mapped_column(server_default=true())


class Product(Base):
    """Something that is sold for money. Unlock: `credits` is what it costs in credits."""

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("kind IN ('pack', 'subscription', 'unlock')", name="products_kind_known"),
        CheckConstraint("stars > 0 AND rub_kopecks > 0 AND credits > 0 AND days > 0", name="products_positive"),
    )

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    titles: Mapped[Any] = mapped_column(JSONB)
    stars: Mapped[int]
    rub_kopecks: Mapped[int | None]
    credits: Mapped[int]
    days: Mapped[int | None]
    recurring: Mapped[bool] = mapped_column(server_default=text("false"))
    position: Mapped[int]
    enabled: Mapped[bool] = mapped_column(server_default=true())
