"""Queries that pick records by what a site holds (selective sync)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.sync.charter import UNKNOWN, Coverage
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store import tables as t

#: With more domains than this the database is not asked to compare them: no statement would hold them all.
MOST_DOMAINS = 500
_r = t.record.c


def perhaps_inside(statement: Any, coverage: Coverage) -> tuple[Any, dict[str, Any]]:
    """``statement`` without records that are surely not part of ``coverage``, and its parameters.

    What touches several domains, or has moved between some, is left to the caller to judge.
    """
    moved = (_r.former.is_not(None),)
    return _narrowed(statement, coverage, frozenset({UNKNOWN}), moved)


def of_scopes(statement: Any, coverage: Coverage) -> tuple[Any, dict[str, Any]]:
    """``statement`` without scopes that are surely not part of ``coverage``, and its parameters."""
    return _narrowed(statement, coverage, frozenset(), ())


def _narrowed(
    statement: Any, coverage: Coverage, further: frozenset[str], others: Sequence[Any]
) -> tuple[Any, dict[str, Any]]:
    """``further``: domains that count as covered; ``others``: what else is not left out."""
    parameters: dict[str, Any] = {}
    if coverage.kinds is not None:
        statement = statement.where(_r.kind.in_(sa.bindparam("p_kinds", expanding=True)))
        parameters["p_kinds"] = sorted(coverage.kinds)
    if coverage.domains is not None and len(coverage.domains) <= MOST_DOMAINS:
        one = _r.scope.in_(sa.bindparam("p_domains", expanding=True))
        statement = statement.where(sa.or_(_r.scope.is_(None), one, _r.scope.like("%/%"), *others))
        parameters["p_domains"] = sorted(coverage.domains | further)
    return statement, parameters


def perhaps_outside(coverage: Coverage) -> tuple[Any, dict[str, Any]]:
    """Living records between two positions that are perhaps not part of ``coverage``, and parameters."""
    parameters: dict[str, Any] = {}
    reasons = []
    if coverage.kinds is not None:
        reasons.append(_r.kind.not_in(sa.bindparam("p_kinds", expanding=True)))
        parameters["p_kinds"] = sorted(coverage.kinds)
    if coverage.domains is not None:
        foreign = _r.scope.is_not(None)
        if len(coverage.domains) <= MOST_DOMAINS:
            foreign = sa.and_(foreign, _r.scope.not_in(sa.bindparam("p_domains", expanding=True)))
            parameters["p_domains"] = sorted(coverage.domains)
        reasons.append(foreign)
    statement = q.LIVING_BETWEEN.where(sa.or_(*reasons) if reasons else sa.false())
    return statement, parameters


def outside(connection: Any, after: int, upto: int, limit: int, coverage: Coverage) -> Iterator[Any]:
    """Rows of records that are not part of ``coverage``, in feed order."""
    statement, parameters = perhaps_outside(coverage)
    while after < upto:
        rows = connection.execute(
            statement, {**parameters, "p_after": after, "p_upto": upto, "p_limit": limit}
        ).all()
        yield from (row for row in rows if not coverage.holds(row.kind, row.scope))
        if len(rows) < limit:
            return
        after = rows[-1].seq
