"""Rows written by SQL, as scripts and imports write them: any text that the columns hold, in every table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.dialects.mysql import TINYINT
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.demo.sheets import ROOT
from keystone_viaduct.documents.cipher import NULL_KEY
from tests.records.maker import Maker
from tests.records.pool import KEYS, TABLES, Address, Made, Pool
from tests.records.references import GRANTS, REFERENCES, SYSTEM_GRANTS
from tests.records.requests import Ground

#: Bytes that a TEXT column of MariaDB holds; the other engines have no such bound.
NARROW = 65_535
#: Given by the database.
NUMBERS = frozenset(
    {
        *(("access_rule", "id"), ("application_credential", "internal_id"), ("revocation_event", "id")),
        *(("registered_limit", "internal_id"), ("limit", "internal_id")),
        *(("local_user", "id"), ("password", "id"), ("federated_user", "id")),
    }
)
#: Rows of other tables that go with a row that is deleted by hand, where the schema does not say so.
PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "user": (("user_group_membership", "user_id"), ("expiring_user_group_membership", "user_id")),
    "group": (("user_group_membership", "group_id"), ("expiring_user_group_membership", "group_id")),
    "domain_config": (("sensitive_config", "domain_id"),),
    "trust": (("trust_role", "trust_id"),),
}
#: Removed by age alone, at each site for itself: nobody takes one away to say something.
PRUNED = frozenset({"revocation_event"})
#: What has a meaning to Keystone that is not to be had by chance, once it is there.
STRICT = frozenset(
    {
        *("is_domain", "parent_id", "domain_id", "encrypted_blob", "key_hash", "secret_hash", "filters"),
        *(
            "rules",
            "schema_version",
            "role_ids",
            "interface",
            "expires_at",
            "created_at",
            "legacy_endpoint_id",
        ),
        *("system", "entity_type", "blob", "group", "option", "value", "last_active_at", "deleted_at"),
    }
)

Row = dict[str, Any]


#: Of two rows of one key no database keeps the second out (a part is NULL), and Keystone serves neither.
UNGUARDED = frozenset({"policy_association"})


class NoneThere(LookupError):
    """A row needs a record of a kind of which there is none yet."""


class Shell:
    """A connection to one site's database, behind Keystone's back."""

    def __init__(self, site: str, url: str) -> None:
        self.site = site
        self._engine = sa.create_engine(url)
        self._tables = sa.MetaData()
        self._tables.reflect(self._engine)
        self._wide = self._engine.dialect.name not in ("mysql", "mariadb")

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    def make(self, maker: Maker, ground: Ground, pool: Pool) -> Made | None:
        """One record of any kind, or None where the database does not take it."""
        kind = maker.random.choice(list(SHAPES))
        draft = Draft(self, maker, ground, pool)
        try:
            rows = draft.rows(kind)
        except NoneThere:
            return None
        key = tuple(_key_text(rows[0][1].get(column)) for column in KEYS[kind])
        if (kind in UNGUARDED and self._is_there(kind, key)) or not self._insert(rows):
            return None
        return Made(kind, key, self.site, needs=tuple(draft.needs))

    def change(self, maker: Maker, made: Made, mark: str) -> bool:
        """Write into any column, or ``mark`` into ``extra``; whether there was a row that took it."""
        table = self._table(made.kind)
        if "extra" in table.c:
            return self._update(made, {"extra": json.dumps({"mark": mark, **maker.attributes(made.kind)})})
        columns = [c for c in table.c if self._plain(made.kind, c)]
        if not columns:
            return False
        column = maker.random.choice(columns)
        return self._update(made, {column.name: self.value(maker, column)})

    def rename(self, made: Made, name: str) -> bool:
        """Give it that name, if its kind has one."""
        if made.kind == "user":
            return self._execute(self.table("local_user").update().values(name=name), made.key, ("user_id",))
        column = "resource_name" if made.kind == "registered_limit" else "name"
        return column in self._table(made.kind).c and self._update(made, {column: name})

    def move(self, maker: Maker, made: Made, pool: Pool) -> Made | None:
        """Let it refer to another record, which is returned; None where nothing was done."""
        table = self._table(made.kind)
        known = {n: k for n, k in REFERENCES.get(table.name, {}).items() if n not in KEYS[made.kind]}
        if not known:
            return None
        column = maker.random.choice(sorted(known))
        target = pool.some(maker, known[column])
        if target is None or target == made:
            return None
        if target.kind == made.kind and (target.needs or target.id > made.id):
            return None  # a Keystone answers nothing about what lies below itself
        return target if self._update(made, {column: target.id}) else None

    def point(self, made: Made, column: str, target: Made) -> bool:
        """Let ``column`` of it name that record."""
        return self._update(made, {column: target.id})

    def delete(self, made: Made) -> bool:
        """Take the row away; what Keystone would remove with it is removed where the database says so."""
        if made.kind in PRUNED:
            return False
        for name, column in PARTS.get(made.kind, ()):
            self._execute(self.table(name).delete(), made.key, (column,))
        return self._execute(self._table(made.kind).delete(), made.key, KEYS[made.kind])

    def table(self, name: str) -> Any:
        """As it is in this database."""
        return self._tables.tables[name]

    def _table(self, kind: str) -> Any:
        return self.table(TABLES[kind][0])

    def _plain(self, kind: str, column: Any) -> bool:
        """Whether any value of its type means something."""
        named = column.name in KEYS[kind] or column.name in STRICT or column.name.endswith("_int")
        given = (column.table.name, column.name) in NUMBERS
        referring = column.name in REFERENCES.get(column.table.name, {})
        return not (named or given or referring or column.name in ("id", "name", "resource_name"))

    def _update(self, made: Made, values: Row) -> bool:
        return self._execute(self._table(made.kind).update().values(values), made.key, KEYS[made.kind])

    def _execute(self, statement: Any, key: Sequence[str], columns: Sequence[str]) -> bool:
        where = _is_row(statement.table, key, columns)
        try:
            with self._engine.begin() as connection:
                return bool(connection.execute(statement.where(*where)).rowcount)
        except (DBAPIError, ValueError):
            return False

    def _is_there(self, kind: str, key: Sequence[str]) -> bool:
        """Whether there is a row of that key; a key that the columns can't hold has none (MySQL refuses the
        question).
        """
        table = self._table(kind)
        found = sa.select(sa.literal(1)).select_from(table).where(*_is_row(table, key, KEYS[kind]))
        try:
            with self._engine.connect() as connection:
                return connection.execute(found).first() is not None
        except DBAPIError:
            return False

    def _insert(self, rows: Sequence[tuple[str, Row]]) -> bool:
        numbers: dict[str, Any] = {}
        try:
            with self._engine.begin() as connection:
                for name, row in rows:
                    given = {
                        column: numbers.get(value, value) if isinstance(value, Number) else value
                        for column, value in row.items()
                    }
                    done = connection.execute(self.table(name).insert().values(given))
                    numbers[Number(name)] = next(iter(done.inserted_primary_key or (None,)))
        except (DBAPIError, ValueError, UnicodeError):
            return False
        return True

    def value(self, maker: Maker, column: Any) -> Any:
        """Any value of a column's type."""
        if column.nullable and maker.chance(0.25):
            return None
        if isinstance(column.type, (sa.Boolean, TINYINT)):
            return maker.chance(0.5)
        if isinstance(column.type, sa.DateTime):
            return moment(maker)
        if isinstance(column.type, sa.Date):
            return date(2020, 1, 1) + timedelta(days=maker.random.randrange(4000))
        if isinstance(column.type, sa.BigInteger):
            return maker.random.randrange(2**50)
        if isinstance(column.type, sa.Integer):
            return maker.random.choice((0, 1, 2**31 - 1, maker.random.randrange(10**6)))
        if isinstance(column.type, sa.Text) or not isinstance(column.type, sa.String):
            return self.long(maker)
        return maker.text(column.type.length or 300)

    def long(self, maker: Maker) -> str:
        """A text, sometimes as long as the column holds."""
        if maker.chance(0.02):
            size = maker.random.choice((70_000, 300_000)) if self._wide else NARROW
            return "d" * size
        return maker.text(300)


class Number(str):
    """Stands for the number that the database gives to the row of that table."""


class Draft:
    """The rows of one record, and what they refer to."""

    def __init__(self, shell: Shell, maker: Maker, ground: Ground, pool: Pool) -> None:
        self.shell, self.maker, self.ground, self.pool = shell, maker, ground, pool
        self.needs: list[Address] = []

    def rows(self, kind: str) -> list[tuple[str, Row]]:
        """The first is the record's own. Raises NoneThere."""
        return SHAPES[kind](self)

    def row(self, table: str, **given: Any) -> tuple[str, Row]:
        """All columns of a row: those that are given, and the others by chance."""
        found = dict(given)
        for column in self.shell.table(table).c:
            if column.name in given or (table, column.name) in NUMBERS:
                continue
            found[column.name] = self._value(table, column)
        return table, found

    def _value(self, table: str, column: Any) -> Any:
        kind = REFERENCES.get(table, {}).get(column.name)
        if kind is not None:
            return None if column.nullable and self.maker.chance(0.4) else self.some(kind)
        if column.name == "id":
            return hexadecimal(self.maker)
        if column.name == "extra":
            return self.extra(table)
        if column.name == "name":
            return f"{self.maker.text(30)}{self.maker.word()}"
        return self.shell.value(self.maker, column)

    def some(self, kind: str) -> str:
        """The id of a record of that kind, which this one then needs."""
        found = self.pool.some(self.maker, kind)
        if found is not None and self.maker.chance(
            0.7 if kind in ("user", "project", "service", "role") else 1
        ):
            self.needs.append(found.address)
            return found.id
        ground = {"user": self.ground.user, "project": self.ground.project, "service": self.ground.service}
        if kind in ground:
            return ground[kind]
        if kind == "role":
            return self.ground.role
        if kind == "domain":
            return "default"
        raise NoneThere(kind)

    def extra(self, table: str) -> str:
        """What scripts put into ``extra``: any spacing, any order."""
        value = self.maker.attributes(table)
        if self.maker.chance(0.05):
            value["deepest"] = self.maker.deep(900)
        return json.dumps(value, indent=self.maker.random.choice((None, None, 1)))


def hexadecimal(maker: Maker, size: int = 32) -> str:
    """An id."""
    return f"{maker.random.getrandbits(size * 4):0{size}x}"


def moment(maker: Maker) -> datetime:
    """A time with parts of a second, of which engines keep none, some or all."""
    return datetime(2020, 1, 1) + timedelta(seconds=maker.random.random() * 10**9)


def _key_text(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _is_row(table: Any, key: Sequence[str], columns: Sequence[str]) -> list[Any]:
    """What tells the rows of a key, in these columns."""
    return [_equals(table.c[name], part) for name, part in zip(columns, key, strict=True)]


def _equals(column: Any, part: str) -> Any:
    if isinstance(column.type, (sa.Boolean, TINYINT)):
        return column == (part == "1")
    return column.is_(None) if part == "" and column.nullable else column == part


# One function per kind: what must not be left to chance.


def _simple(table: str, **fixed: Callable[[Draft], Any]) -> Callable[[Draft], list[tuple[str, Row]]]:
    return lambda draft: [draft.row(table, **{name: make(draft) for name, make in fixed.items()})]


def _choice(*values: Any) -> Callable[[Draft], Any]:
    return lambda draft: draft.maker.random.choice(values)


def _word(draft: Draft) -> str:
    return draft.maker.word()


def _made_role(draft: Draft) -> str:
    """Not that of the administrators: once it implies a role whose text Keystone can't put into its cache
    (half of a surrogate pair), it takes no token of theirs any more; and who looks here is one of them.
    """
    found = draft.pool.some(draft.maker, "role")
    if found is None:
        raise NoneThere("role")
    draft.needs.append(found.address)
    return found.id


def _blob(draft: Draft) -> str:
    return Fernet(NULL_KEY).encrypt(draft.maker.text(200).encode()).decode()


def _rules(draft: Draft) -> str:
    maker = draft.maker
    rule = {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": f"A{maker.word()}"}]}
    rules = [rule] * (450 if maker.chance(0.02) else 1) + ([maker.value()] if maker.chance(0.3) else [])
    return json.dumps(json.dumps(rules))


def _tagged(draft: Draft, key: str) -> list[tuple[str, Row]]:
    tags = {draft.maker.text(255) for _ in range(draft.maker.random.choice((0, 0, 1, 3)))}
    return [("project_tag", {"project_id": key, "name": tag}) for tag in sorted(tags)]


def _project(draft: Draft) -> list[tuple[str, Row]]:
    parent = draft.pool.some(draft.maker, "project") if draft.maker.chance(0.3) else None
    if parent is not None:
        draft.needs.append(parent.address)
    place = {"domain_id": "default", "parent_id": parent.id if parent else "default", "is_domain": False}
    own = draft.row("project", **place)
    return [own, *_tagged(draft, own[1]["id"])]


def _domain(draft: Draft) -> list[tuple[str, Row]]:
    own = draft.row("project", domain_id=ROOT, parent_id=None, is_domain=True)
    return [own, *_tagged(draft, own[1]["id"])]


def _association(draft: Draft) -> list[tuple[str, Row]]:
    form = draft.maker.random.choice((("endpoint",), ("service",), ("service", "region")))
    given = {
        f"{kind}_id": draft.some(kind) if kind in form else None for kind in ("endpoint", "service", "region")
    }
    return [draft.row("policy_association", **given)]


def _grant(draft: Draft) -> list[tuple[str, Row]]:
    sort = draft.maker.random.choice(sorted(GRANTS))
    actor, target = GRANTS[sort]
    values = {"actor_id": draft.some(actor), "target_id": draft.some(target), "role_id": draft.some("role")}
    return [("assignment", {"type": sort, "inherited": draft.maker.chance(0.3), **values})]


def _system_grant(draft: Draft) -> list[tuple[str, Row]]:
    sort = draft.maker.random.choice(sorted(SYSTEM_GRANTS))
    values = {"actor_id": draft.some(SYSTEM_GRANTS[sort]), "role_id": draft.some("role")}
    return [("system_assignment", {"type": sort, "target_id": "system", "inherited": False, **values})]


def _limit(draft: Draft) -> list[tuple[str, Row]]:
    kind, other = draft.maker.random.sample(("project_id", "domain_id"), 2)
    given = {kind: draft.some(kind.removesuffix("_id")), other: None}
    return [draft.row("limit", **given, registered_limit_id=draft.some("registered_limit"))]


def _trust(draft: Draft) -> list[tuple[str, Row]]:
    expires = draft.maker.random.randrange(2**50) if draft.maker.chance(0.7) else None
    beside = None if expires is None else datetime(1970, 1, 1) + timedelta(microseconds=expires)
    gone = moment(draft.maker) if draft.maker.chance(0.3) else None
    given = {
        "redelegated_trust_id": None,
        "expires_at": beside,
        "expires_at_int": expires,
        "deleted_at": gone,
    }
    own = draft.row("trust", **given, impersonation=draft.maker.chance(0.5))
    return [own, ("trust_role", {"trust_id": own[1]["id"], "role_id": draft.some("role")})]


def _user(draft: Draft) -> list[tuple[str, Row]]:
    maker = draft.maker
    own = draft.row("user", domain_id="default")
    place = {"user_id": own[1]["id"], "domain_id": "default", "name": f"{maker.text(60)}{maker.word()}"}
    if maker.chance(0.2):
        return [own, ("nonlocal_user", place)]
    local = ("local_user", {**place, "failed_auth_count": 0, "failed_auth_at": None})
    options = [("user_option", {"user_id": place["user_id"], "option_id": "1001", "option_value": "true"})]
    secrets = [_password(draft, number) for number in range(maker.random.randrange(3))]
    return [own, local, *secrets, *(options if maker.chance(0.3) else [])]


def _password(draft: Draft, number: int) -> tuple[str, Row]:
    made = 1_600_000_000_000_000 + number * 10**12 + draft.maker.random.randrange(10**12)
    ends = made + draft.maker.random.randrange(10**15) if draft.maker.chance(0.4) else None
    epoch = datetime(1970, 1, 1)
    times = {
        "created_at": epoch + timedelta(microseconds=made),
        "created_at_int": made,
        "expires_at": None if ends is None else epoch + timedelta(microseconds=ends),
        "expires_at_int": ends,
    }
    hashed = f"$2b$04${hexadecimal(draft.maker, 53)}"
    row = draft.row("password", local_user_id=Number("local_user"), password_hash=hashed, **times)
    return row[0], {**row[1], "self_service": draft.maker.chance(0.5)}


def _application_credential(draft: Draft) -> list[tuple[str, Row]]:
    given = {"system": None, "secret_hash": f"$2b$04${hexadecimal(draft.maker, 53)}"}
    own = draft.row("application_credential", **given)
    number = Number("application_credential")
    return [
        own,
        ("application_credential_role", {"application_credential_id": number, "role_id": draft.some("role")}),
    ]


def _config(draft: Draft) -> list[tuple[str, Row]]:
    domain = draft.some("domain")
    if domain == "default":
        raise NoneThere("domain")
    plain = [("ldap", "url"), ("ldap", "suffix"), ("ldap", "user_tree_dn"), ("ldap", "query_scope")]
    chosen = draft.maker.random.sample(plain, draft.maker.random.randrange(1, 4))
    rows = [("whitelisted_config", place) for place in chosen] + [("sensitive_config", ("ldap", "password"))]
    return [
        (
            table,
            {
                "domain_id": domain,
                "group": group,
                "option": option,
                "value": json.dumps(draft.maker.text(60)),
            },
        )
        for table, (group, option) in rows
    ]


def _event(draft: Draft) -> list[tuple[str, Row]]:
    now = datetime.fromtimestamp(time.time(), UTC).replace(tzinfo=None)
    given = {
        "issued_before": now,
        "revoked_at": now,
        "expires_at": None,
        "audit_id": hexadecimal(draft.maker, 22),
    }
    nothing = dict.fromkeys(("trust_id", "consumer_id", "access_token_id", "audit_chain_id"))
    return [draft.row("revocation_event", **given, **nothing)]


def _tokens(draft: Draft) -> str:
    return json.dumps([draft.some("role")])


SHAPES: Mapping[str, Callable[[Draft], list[tuple[str, Row]]]] = {
    "region": _simple("region", id=lambda draft: f"{draft.maker.text(40)}{draft.maker.word()}"),
    "service": _simple("service"),
    "endpoint": _simple("endpoint", interface=_choice("public", "internal", "admin")),
    "endpoint_group": _simple(
        "endpoint_group", filters=lambda d: json.dumps({"service_id": d.some("service")})
    ),
    "project_endpoint": _simple("project_endpoint"),
    "project_endpoint_group": _simple("project_endpoint_group"),
    "policy": _simple("policy", blob=lambda draft: json.dumps(draft.maker.value())),
    "policy_association": _association,
    "role": _simple("role", domain_id=_choice("<<null>>")),
    "implied_role": _simple("implied_role", prior_role_id=_made_role),
    "assignment": _grant,
    "system_assignment": _system_grant,
    "domain": _domain,
    "project": _project,
    "domain_config": _config,
    "user": _user,
    "group": _simple("group", domain_id=_choice("default")),
    "membership": _simple("user_group_membership"),
    "expiring_membership": _simple("expiring_user_group_membership"),
    "id_mapping": _simple(
        "id_mapping",
        public_id=lambda draft: hexadecimal(draft.maker, 64),
        domain_id=_choice("default"),
        entity_type=_choice("user", "group"),
    ),
    "credential": _simple("credential", encrypted_blob=_blob, key_hash=_choice("0" * 40)),
    "access_rule": _simple("access_rule", external_id=lambda draft: hexadecimal(draft.maker)),
    "application_credential": _application_credential,
    "trust": _trust,
    "identity_provider": _simple("identity_provider", id=_word, domain_id=_choice("default")),
    "federation_protocol": _simple("federation_protocol", id=_word),
    "mapping": _simple("mapping", id=_word, rules=_rules, schema_version=_choice("1.0", "2.0")),
    "service_provider": _simple("service_provider", id=_word),
    "registered_limit": _simple("registered_limit"),
    "limit": _limit,
    "revocation_event": _event,
    "consumer": _simple("consumer"),
    "request_token": _simple(
        "request_token", role_ids=_tokens, expires_at=_choice(None, "2027-01-01T00:00:00.000000Z")
    ),
    "access_token": _simple(
        "access_token", role_ids=_tokens, expires_at=_choice(None, "2027-01-01T00:00:00.000000Z")
    ),
}
