"""Rules of a bridge that a single row shows. Generated workloads show the others (``tests/bridges``)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeState
from keystone_viaduct.upgrade.expression import Case, Field, IsNull, Literal
from keystone_viaduct.upgrade.operations import ReplaceColumns
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.types import Text
from tests.support.upgrades import Site, make_table, site

TABLE = Table("thing", (Column("id", Text(64), nullable=False),))
#: Of no owner the new shape says so.
OWNED = Bridge(
    "thing_owner",
    TABLE,
    old=(Column("owner", Text(16)),),
    new=(Column("holder", Text(16)),),
    up=(Conversion("holder", Case(((IsNull(Field("owner")), Literal("nobody")),), Field("owner"))),),
    down=(Conversion("owner", Field("holder")),),
)


def prepared(url: str, **owners: str | None) -> Site:
    """The old shape, with these owners of things."""
    make_table(url, OWNED, [{"id": key, "owner": owner} for key, owner in owners.items()])
    return site(url, ReplaceColumns(OWNED))


def test_a_row_with_neither_side_is_an_old_writers(database_url: str) -> None:
    made = prepared(database_url)
    with made.runner() as runner:
        runner.expand()
    made.run("INSERT INTO thing (id) VALUES ('a')", "INSERT INTO thing (id, holder) VALUES ('b', 'x')")
    rows = made.rows("thing")
    assert (rows["a"]["owner"], rows["a"]["holder"]) == (None, "nobody")
    assert (rows["b"]["owner"], rows["b"]["holder"]) == ("x", "x")


_OTHERS = {
    "postgresql": (
        "CREATE FUNCTION a_first() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.owner := NEW.note; RETURN NEW; END $$",
        "CREATE TRIGGER a_first BEFORE UPDATE ON thing FOR EACH ROW EXECUTE FUNCTION a_first()",
    ),
    "mysql": ("CREATE TRIGGER a_first BEFORE UPDATE ON thing FOR EACH ROW SET NEW.owner = NEW.note",),
}


@pytest.mark.parametrize("engine_name", ["postgresql", "mariadb"], indirect=True)
def test_what_another_trigger_changes_is_followed_though_the_statement_does_not_name_it(
    database_url: str,
) -> None:
    made = prepared(database_url, a="x")
    made.run(*_OTHERS[sa.make_url(database_url).get_backend_name()])
    with made.runner() as runner:
        runner.expand()
    made.run("UPDATE thing SET note = 'y'")
    assert made.rows("thing")["a"] == {"id": "a", "note": "y", "owner": "y", "holder": "y"}


def test_an_upgrade_whose_rows_differ_is_not_verified(sqlite_url: str) -> None:
    made = prepared(sqlite_url, a="x", b="y")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        for trigger in ("upd", "ins"):
            made.run(f"DROP TRIGGER viaduct_b_thing_owner_{trigger}")
        made.run("UPDATE thing SET owner = 'z' WHERE id = 'b'")
        assert [(item.kind, item.example) for _, item in runner.verify()] == [("inconsistent", "b")]
        with pytest.raises(UpgradeState, match="next: verify"):
            runner.contract()
