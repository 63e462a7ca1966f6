"""The SQL of every example is what was read and committed, under SQLAlchemy 1.4 as under 2.x."""

from __future__ import annotations

import pytest

from keystone_viaduct.triggers import compile
from tests.golden.conftest import Golden
from tests.golden.triggers.examples import SPECS

ENGINES = {"sqlite": None, "postgresql": "public", "mariadb": None, "mysql": None, "cockroachdb": "public"}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sql_of_every_example_is_the_committed_one(engine: str, golden: Golden) -> None:
    parts = []
    for spec in SPECS:
        compiled = compile(spec, engine, schema=ENGINES[engine])
        parts.append(f"-- {compiled.name}, fingerprint {compiled.fingerprint}")
        parts += [f"{sql};" for sql in compiled.create]
        parts += [f"-- {sql};" for sql in compiled.drop]
        parts.append("")
    golden(f"{engine}.sql", "\n".join(parts))
