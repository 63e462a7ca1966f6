"""Bridges in the revisions of a service that migrates by Alembic."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from keystone_viaduct.errors import BadDeclaration, UpgradeRefused
from keystone_viaduct.upgrade import op
from keystone_viaduct.upgrade.ddl import database_on
from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.marks import MARKS
from keystone_viaduct.upgrade.steps import Lock, Observation, Seen, Server, Statement
from tests.bridges.across.declared import MOVED as MOVES
from tests.bridges.declared import DECLARED
from tests.support.moves import make_old, pairs
from tests.support.upgrades import make_table, site

BRIDGE = next(item.bridge for item in DECLARED if item.operation == "transform")
ENV = """
from alembic import context
import sqlalchemy as sa

options = {"version_table": "thing_version", "dialect_opts": {"paramstyle": "named"}}
if context.is_offline_mode():
    context.configure(url=context.config.get_main_option("sqlalchemy.url"), literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = sa.create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
"""
COMMON = """
import sqlalchemy as sa
from keystone_viaduct.upgrade import op
from keystone_viaduct.upgrade.constraints import ForeignKey
from keystone_viaduct.upgrade.expression import Field, Literal, Lookup
from keystone_viaduct.upgrade.operations import ChangeKey, RenameTable
from keystone_viaduct.upgrade.shape import Column, Table
from keystone_viaduct.upgrade.types import Text

KEY = (Column("id", Text(64), nullable=False),)
revision, down_revision = {revision!r}, {before!r}
SIDES = dict(
    old=[sa.Column("is_public", sa.Boolean, nullable=False)],
    new=[sa.Column("visibility", sa.String(9))],
    up=dict(visibility=Lookup(Field("is_public"), ((True, "public"), (False, "shared")))),
    down=dict(is_public=(Lookup(Field("visibility"), (("public", True),), Literal(False)), False)),
    key=[sa.Column("id", sa.String(64), primary_key=True)],
)
"""
BODIES = {
    "expand": (
        'def upgrade():\n    op.bridge_columns("thing", **SIDES)\n\n\n'
        'def downgrade():\n    op.undo_bridge(op.declare("thing", **SIDES))\n'
    ),
    "migrate": (
        'def upgrade():\n    op.fill_bridge(op.declare("thing", **SIDES))\n\n\ndef downgrade():\n    pass\n'
    ),
    "contract": 'def upgrade():\n    op.drop_bridge(op.declare("thing", **SIDES))\n',
}


FURTHER = {
    "expand": (
        'def upgrade():\n    op.rename_table("thing", "item", key=SIDES["key"])\n'
        '    made = op.change_key("other", sa.Column("uuid", sa.String(32)), key=SIDES["key"])\n'
        "    op.fill_bridge(made.bridge)\n"
    ),
    "contract": (
        "def upgrade():\n"
        '    op.add_validated_constraint("thing", "one_note", unique=["note"], key=SIDES["key"])\n'
        "    key = ForeignKey('of_thing', ('thing_id',), 'thing', ('id',))\n"
        '    op.add_validated_constraint("other", "of_thing", refers=key, key=SIDES["key"])\n'
        "    op.finish(RenameTable(Table('thing', KEY), 'item'))\n"
        "    op.finish(ChangeKey(Table('other', KEY), Column('uuid', Text(32))))\n"
    ),
}


MOVE = """
MOVE = dict(
    parent="place",
    link=["place_id"],
    old=[sa.Column("mail", sa.String(16))],
    new=[sa.Column("email", sa.String(16))],
    up=dict(email=Field("mail")),
    down=dict(mail=Field("email")),
    parent_key=SIDES["key"],
    child_key=SIDES["key"],
)

def upgrade():
"""
MOVED = {
    "expand": MOVE + '    op.move_column("thing", "place", **MOVE)\n',
    "migrate": MOVE + '    op.fill_bridge(op.declare_move("thing", "place", **MOVE).move)\n',
    "contract": MOVE + '    op.finish(op.declare_move("thing", "place", **MOVE))\n',
}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """An Alembic environment with three revisions."""
    return _environment(tmp_path, BODIES)


def _printed(config: Config, engine: str) -> str:
    """What all revisions are as SQL of an engine."""
    driver = {"postgresql": "postgresql+psycopg2", "mysql": "mysql+pymysql"}[engine]
    config.set_main_option("sqlalchemy.url", f"{driver}://")
    command.upgrade(config, "head", sql=True)
    return str(config.output_buffer.getvalue())  # type: ignore[union-attr]


def _environment(tmp_path: Path, bodies: dict[str, str]) -> Config:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV)
    before = None
    for revision, body in bodies.items():
        text = COMMON.format(revision=revision, before=before) + "\n\n" + body
        (tmp_path / "versions" / f"{revision}.py").write_text(text)
        before = revision
    made = Config(output_buffer=io.StringIO())
    made.set_main_option("script_location", str(tmp_path))
    return made


def test_revisions_expand_fill_and_contract(config: Config, database_url: str) -> None:
    rows: list[dict[str, Scalar]] = [{"id": f"k{n}", "is_public": n % 2 == 0} for n in range(5)]
    make_table(database_url, BRIDGE, rows)
    config.attributes["url"] = database_url
    made = site(database_url)
    yes = "true" if made.database.engine.dialect.name == "postgresql" else "1"
    command.upgrade(config, "expand")
    made.run(f"INSERT INTO thing (id, is_public) VALUES ('old', {yes})")
    command.upgrade(config, "migrate")
    made.run("INSERT INTO thing (id, visibility) VALUES ('new', 'community')")
    found = {key: (bool(row["is_public"]), row["visibility"]) for key, row in made.rows("thing").items()}
    assert found["old"] == (True, "public") and found["new"] == (False, "community")
    assert found["k0"] == (True, "public") and found["k1"] == (False, "shared")
    made.database.close()
    command.upgrade(config, "contract")
    assert set(made.columns("thing")) == {"id", "note", "visibility"}
    made.run("INSERT INTO thing (id, visibility) VALUES ('later', 'x')")
    made.database.close()


def test_a_downgrade_leaves_the_old_shape(config: Config, database_url: str) -> None:
    make_table(database_url, BRIDGE, [{"id": "k", "is_public": True}])
    config.attributes["url"] = database_url
    command.upgrade(config, "migrate")
    command.downgrade(config, "base")
    made = site(database_url)
    assert set(made.columns("thing")) == {"id", "note", "is_public"}
    assert made.columns("thing")["is_public"]["nullable"] is False
    made.database.close()


def test_columns_move_in_revisions_and_marks_are_settled_before_contract(
    tmp_path: Path, database_url: str
) -> None:
    move = next(item.move for item in MOVES if item.operation == "move column 1:n to parent")
    made = site(database_url)
    tables = make_old(database_url, move, [{"mail": f"m{n}"} for n in range(5)], each=2)
    config = _environment(tmp_path, MOVED)
    config.attributes["url"] = database_url
    command.upgrade(config, "expand")
    made.run("UPDATE thing SET mail = 'old' WHERE id = 'c1x0'")
    command.upgrade(config, "migrate")
    made.run("UPDATE place SET email = 'new' WHERE id = 'p2'")
    made.run("INSERT INTO viaduct_bridge_marks (bridge, side, record) VALUES ('place_email', 'old', 'p3')")
    made.database.close()
    command.upgrade(config, "contract")
    assert set(made.columns("thing")) == {"id", "note", "place_id"}
    with made.database.engine.connect() as connection:
        found = {row["id"]: row["new.email"] for row in pairs(connection, tables, move)}
        assert connection.execute(sa.select(MARKS)).first() is None
    assert found == {"p0": "m0", "p1": "old", "p2": "new", "p3": "m3", "p4": "m4"}
    made.database.close()


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_a_move_can_be_printed_as_sql_and_is_filled_by_marks(tmp_path: Path, engine: str) -> None:
    config = _environment(tmp_path, MOVED)
    printed = _printed(config, engine)
    for said in (
        "CREATE TABLE viaduct_bridge_marks",
        "p_upd",
        "INSERT INTO viaduct_bridge_marks",
        "DROP COLUMN",
    ):
        assert said in printed


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_all_revisions_can_be_printed_as_sql(config: Config, engine: str) -> None:
    printed = _printed(config, engine)
    for said in ("ADD COLUMN", "CREATE TRIGGER", "UPDATE", "DROP TRIGGER", "DROP COLUMN"):
        assert said in printed, said
    if engine == "mysql":
        assert printed.count("DELIMITER $$") == 2 == printed.count("END$$")
    else:
        assert "lock_timeout" in printed


def test_what_would_stall_a_cluster_is_refused_in_a_revision_too(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = sa.create_engine("sqlite://")
    database = database_on(engine)
    cluster = Server("mariadb", (10, 11), cluster=True)
    monkeypatch.setattr(database, "facts", lambda connection: cluster)
    with engine.connect() as connection:
        built = Statement("CREATE INDEX i ON t (a)", "t", Lock.ONLINE, Observation(Seen.INDEX, "t", "i"))
        with pytest.raises(UpgradeRefused, match=r"the whole cluster would stand still .*CREATE INDEX i"):
            op._run(None, connection, database, built)


def test_a_column_of_a_type_without_bridges_is_refused_by_name() -> None:
    from keystone_viaduct.upgrade import op

    with pytest.raises(BadDeclaration, match="column when: bridges have no type"):
        op.declare("thing", old=[sa.Column("when", sa.LargeBinary)], new=[], up={}, down={})


def test_other_operations_go_through_their_revisions(tmp_path: Path, database_url: str) -> None:
    config = _environment(tmp_path, FURTHER)
    config.attributes["url"] = database_url
    made = site(database_url)
    charset = " ENGINE=InnoDB CHARACTER SET utf8mb4" if made.database.engine.dialect.name == "mysql" else ""
    made.run(
        f"CREATE TABLE thing (id VARCHAR(64) PRIMARY KEY, note VARCHAR(8)){charset}",
        f"CREATE TABLE other (id VARCHAR(64) PRIMARY KEY, thing_id VARCHAR(64)){charset}",
        "INSERT INTO thing VALUES ('a', 'x'), ('b', 'x')",
        "INSERT INTO other VALUES ('c', 'a'), ('d', 'nobody')",
    )
    if database_url.startswith("sqlite"):
        with pytest.raises(UpgradeRefused, match="a view takes no writes"):
            command.upgrade(config, "expand")
        return
    command.upgrade(config, "expand")
    made.run("INSERT INTO item (id) VALUES ('new')", "INSERT INTO other (id) VALUES ('old')")
    with pytest.raises(UpgradeRefused, match="2 one_note"):
        command.upgrade(config, "contract")
    made.run("UPDATE thing SET note = 'y' WHERE id = 'b'")
    with pytest.raises(UpgradeRefused, match="1 of_thing"):
        command.upgrade(config, "contract")
    made.run("UPDATE other SET thing_id = 'b' WHERE id = 'd'")
    command.upgrade(config, "contract")
    inspector = sa.inspect(made.database.engine)
    assert inspector.get_pk_constraint("other")["constrained_columns"] == ["uuid"]
    assert inspector.has_table("item") and not inspector.has_table("thing")
    assert [key["referred_table"] for key in inspector.get_foreign_keys("other")] == ["item"]
    made.database.close()


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_other_operations_can_be_printed_as_sql(tmp_path: Path, engine: str) -> None:
    config = _environment(tmp_path, FURTHER)
    printed = _printed(config, engine)
    for said in ("VIEW", "CREATE TRIGGER", "UNIQUE INDEX", "FOREIGN KEY", "PRIMARY KEY", "RENAME"):
        assert said in printed, said
    if engine == "postgresql":
        before = printed[: printed.index("CREATE UNIQUE INDEX CONCURRENTLY")]
        assert before.rindex("COMMIT;") > before.rindex("BEGIN;")
    else:
        assert "SET SESSION foreign_key_checks = 0;" in printed
