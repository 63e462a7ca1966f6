"""The SQL of every bridge is what was read and committed, CockroachDB's too."""

from __future__ import annotations

import pytest

from keystone_viaduct.triggers import compile
from keystone_viaduct.upgrade.arming import bridge_specs
from tests.bridges.declared import WORKLOADS
from tests.golden.conftest import Golden

ENGINES = {"sqlite": None, "postgresql": "public", "mariadb": None, "mysql": None, "cockroachdb": "public"}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sql_of_every_bridge_is_the_committed_one(engine: str, golden: Golden) -> None:
    parts = []
    for declared in WORKLOADS:
        parts.append(f"-- {declared.operation}")
        for spec in bridge_specs(declared.bridge):
            compiled = compile(spec, engine, schema=ENGINES[engine])
            parts.append(f"-- {compiled.name}, fingerprint {compiled.fingerprint}")
            parts += [f"{sql};" for sql in compiled.create]
            parts.append("")
    golden(f"{engine}.sql", "\n".join(parts))
