"""``viaduct agent-account``: an account that its site keeps to itself, on every engine's real tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli.main import main
from keystone_viaduct.clock import SystemClock
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.kinds.local import DOMAIN, ROLE, is_local
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.store import SqlStore, make_engine
from keystone_viaduct.sync.store.tables import record
from tests.support.sites import HexCipher

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mysql")

Run = Callable[..., tuple[int, Any]]
TRIED = {"user": "viaduct-agent", "domain": DOMAIN, "password": None}


@pytest.fixture
def run(keystone_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``viaduct`` at one site."""
    config = tmp_path / "keystone.conf"
    config.write_text(
        f"[database]\nconnection = {keystone_url}\n[viaduct]\nkey_repository = {tmp_path}/keys\n"
        f"[credential]\nkey_repository = {tmp_path}\n"
    )

    def call(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json", "--config-file", str(config)])
        said = capsys.readouterr()
        return code, json.loads(said.out)

    return call


def local_rows(url: str) -> set[Ref]:
    """All that never travels and is there."""
    engine = make_engine(url)
    codecs = Codecs(reflect(engine), HexCipher(), with_local=True)
    with engine.connect() as connection:
        found = {Ref(kind, key) for kind in codecs.kinds for key in codecs.keys(connection, kind, None, 500)}
        here = {ref for ref in found if is_local(*ref, codecs.load(connection, ref.kind, [ref.key])[ref.key])}
    engine.dispose()
    return here


def numbered(url: str, folder: Path) -> tuple[set[Ref], list[int]]:
    """What the site's feed has once all marks are numbered, and how many marks are left."""
    engine = make_engine(url)
    store = SqlStore(engine, KeyRing.load(folder / "keys"), Codecs(reflect(engine), HexCipher()))
    Site(store, SystemClock()).state()
    with engine.connect() as connection:
        refs = {Ref(*row) for row in connection.execute(sa.select(record.c.kind, record.c.key))}
        left = list(connection.execute(sa.select(sa.table("viaduct_dirty", sa.column("id")))).scalars())
    engine.dispose()
    return refs, left


def by_hand(url: str, *statements: str, **values: Any) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement), values)
    engine.dispose()


def test_the_account_is_made_renewed_and_removed_and_the_feed_has_nothing_of_it(
    run: Run, keystone_url: str, tmp_path: Path
) -> None:
    """Neither of what was there before the site joined, nor of what the triggers have marked, nor of a
    revocation that names the account.
    """
    assert run("agent-account", "create", "--dry-run") == (0, {**TRIED, "action": "create"})
    assert local_rows(keystone_url) == set()
    assert run("agent-account", "create")[0] == 0
    assert run("init", "--site", "east", "--hub", "east")[0] == 0
    made = local_rows(keystone_url)
    assert {ref.kind for ref in made} == {"domain", "role", "user", "system_assignment"}
    (user,) = [ref.key for ref in made if ref.kind == "user"]
    for dry in ((), ("--dry-run",)):
        code, said = run("agent-account", "create", *dry)
        assert code == 2 and "agent-account renew" in said["error"]["hint"]
    assert run("agent-account", "remove", "--dry-run") == (0, {**TRIED, "action": "remove"})
    assert local_rows(keystone_url) == made
    first = run("agent-account", "renew")[1]["password"]
    assert len(first) >= 40 and run("agent-account", "renew")[1]["password"] != first
    event = "INSERT INTO revocation_event (user_id, issued_before, revoked_at) VALUES (:u, :t, :t)"
    credential = (
        "INSERT INTO credential (id, user_id, encrypted_blob, type, key_hash, extra) "
        "VALUES ('c1', :u, 'x', 'totp', 'h', '{}')"
    )
    by_hand(keystone_url, event, credential, u=user, t="2026-01-01 00:00:00.000000")
    assert numbered(keystone_url, tmp_path) == (set(), [])
    by_hand(keystone_url, "DELETE FROM credential WHERE id = 'c1'")
    code, said = run("agent-account", "remove")
    assert (code, said["password"]) == (0, None)
    assert {ref.key for ref in local_rows(keystone_url) if ref.kind in ("domain", "role")} == {DOMAIN, ROLE}
    refs, left = numbered(keystone_url, tmp_path)
    assert left == [] and not any(is_local(*ref) for ref in refs)
    assert run("agent-account", "renew")[0] == 2
