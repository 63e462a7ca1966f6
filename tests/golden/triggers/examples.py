"""One trigger for each thing that a spec can say, over tables with awkward names."""

from __future__ import annotations

import sqlalchemy as sa

from keystone_viaduct.triggers import (
    Event,
    Timing,
    TriggerSpec,
    assign,
    has_changed,
    key_text,
    new,
    now_microseconds,
    old,
    same,
)

metadata = sa.MetaData()

user = sa.Table(
    "user",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("enabled", sa.Boolean),
    sa.Column("group", sa.String(64)),
    sa.Column("limit", sa.Integer),
    sa.Column("created_at", sa.DateTime),
    sa.Column("name", sa.String(64)),
    sa.Column("full_name", sa.String(64)),
)
trust = sa.Table(
    "trust",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.ForeignKey("user.id", ondelete="CASCADE")),
    sa.Column("kind", sa.Enum("one", "two", name="trust_kind")),
    sa.Column("impersonation", sa.Boolean),
)
dirty = sa.Table(
    "viaduct_dirty",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("key", sa.String(700), nullable=False),
    sa.Column("stamped_at", sa.BigInteger, nullable=False),
)


def mark(kind: str, key: object) -> sa.sql.dml.Insert:
    """An INSERT of one mark."""
    return dirty.insert().values(kind=kind, key=key, stamped_at=now_microseconds())


def mark_trusts() -> sa.sql.dml.Insert:
    """An INSERT of one mark for each of the user's trusts."""
    select = sa.select(sa.literal("trust"), key_text(trust.c.id, trust.c.kind), now_microseconds())
    return dirty.insert().from_select(
        ["kind", "key", "stamped_at"], select.where(trust.c.user_id == old(user.c.id))
    )


SPECS = [
    TriggerSpec(
        "viaduct_trust_insert",
        trust,
        Event.INSERT,
        Timing.AFTER,
        body=(
            mark("trust", key_text(new(trust.c.id), "a/b", new(trust.c.kind), new(trust.c.impersonation))),
        ),
    ),
    TriggerSpec(
        "viaduct_user_update",
        user,
        Event.UPDATE,
        Timing.AFTER,
        changed=("enabled", "group", "limit", "created_at"),
        body=(mark("user", key_text(new(user.c.id))),),
    ),
    TriggerSpec(
        "viaduct_user_rename",
        user,
        Event.UPDATE,
        Timing.AFTER,
        changed=("name",),
        when=sa.and_(new(user.c.limit) > 3, same(old(user.c.group), new(user.c.group))),
        body=(mark("user", key_text(old(user.c.id))), mark("user", key_text(new(user.c.id)))),
    ),
    TriggerSpec("viaduct_user_delete", user, Event.DELETE, Timing.BEFORE, body=(mark_trusts(),)),
    TriggerSpec(
        "viaduct_user_orphaned",
        user,
        Event.DELETE,
        Timing.AFTER,
        when=sa.not_(sa.exists().where(trust.c.user_id == old(user.c.id))),
        body=(
            trust.update().where(trust.c.user_id == old(user.c.id)).values(impersonation=False),
            trust.delete().where(trust.c.kind == "two"),
        ),
    ),
    TriggerSpec(
        "viaduct_user_fill",
        user,
        Event.INSERT,
        Timing.BEFORE,
        when=new(user.c.full_name).is_(None),
        body=(assign(user.c.full_name, sa.func.upper(new(user.c.name))),),
    ),
    TriggerSpec(
        "viaduct_user_both_ways",
        user,
        Event.UPDATE,
        Timing.BEFORE,
        changed=("name", "full_name"),
        body=(
            mark("user", key_text(new(user.c.name))),
            assign(
                user.c.full_name,
                sa.case(
                    (has_changed(user.c.name), sa.func.upper(new(user.c.name))), else_=new(user.c.full_name)
                ),
            ),
            assign(
                user.c.name,
                sa.case(
                    (has_changed(user.c.name), new(user.c.name)), else_=sa.func.lower(new(user.c.full_name))
                ),
            ),
        ),
    ),
    TriggerSpec(
        "viaduct_user_literals",
        user,
        Event.DELETE,
        Timing.AFTER,
        body=(
            mark("50%", "it's a \\ back\\'slash, a \"quote\", a $viaduct$, 100 %s, a : and a ü \U0001f511"),
        ),
    ),
]
