"""Rows written by SQL, as scripts and imports write them: any text that the columns hold."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.documents.cipher import NULL_KEY
from tests.records.maker import Maker
from tests.records.requests import Ground, Made

#: Bytes that a TEXT column of MariaDB holds; the other engines have no such bound.
NARROW = 65_535


class Shell:
    """A connection to one site's database, behind Keystone's back."""

    def __init__(self, site: str, url: str) -> None:
        self.site = site
        self._engine = sa.create_engine(url)
        self._tables = sa.MetaData()
        self._tables.reflect(self._engine, only=[table for table, _ in _ROWS.values()])
        self._wide = self._engine.dialect.name not in ("mysql", "mariadb")

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    def make(self, maker: Maker, ground: Ground) -> Made | None:
        """One row of any kind, or None where the database does not take it."""
        kind = maker.random.choice(list(_ROWS))
        name, row_of = _ROWS[kind]
        row = row_of(self, maker, ground)
        try:
            with self._engine.begin() as connection:
                connection.execute(self._tables.tables[name].insert().values(row))
        except (DBAPIError, ValueError):
            return None
        return Made(kind, str(row["id"]), self.site)

    def extra(self, maker: Maker) -> str:
        """What scripts put into ``extra``: any spacing, any order."""
        value = maker.attributes()
        if maker.chance(0.05):
            value["deepest"] = maker.deep(900)
        return json.dumps(value, indent=maker.random.choice((None, None, 1)))

    def long(self, maker: Maker) -> str:
        """A text, sometimes as long as the column holds."""
        if maker.chance(0.1):
            size = maker.random.choice((70_000, 300_000)) if self._wide else NARROW
            return "d" * size
        return maker.text(300)


def _id(maker: Maker) -> str:
    return f"{maker.random.getrandbits(128):032x}"


def _credential(shell: Shell, maker: Maker, ground: Ground) -> dict[str, Any]:
    blob = Fernet(NULL_KEY).encrypt(maker.text(200).encode()).decode()
    return {
        "id": _id(maker),
        "user_id": ground.user,
        "project_id": None,
        "type": maker.text(200),
        "encrypted_blob": blob,
        "key_hash": "0" * 40,
        "extra": shell.extra(maker),
    }


def _project(shell: Shell, maker: Maker, ground: Ground) -> dict[str, Any]:
    return {
        "id": _id(maker),
        "name": f"{maker.text(40)}{maker.word()}",
        "domain_id": "default",
        "parent_id": "default",
        "is_domain": False,
        "enabled": maker.random.choice((True, False, None)),
        "description": shell.long(maker),
        "extra": shell.extra(maker),
    }


def _region(shell: Shell, maker: Maker, ground: Ground) -> dict[str, Any]:
    found = {"id": f"{maker.text(40)}{maker.word()}", "description": maker.text(255)}
    return {**found, "parent_region_id": None, "extra": shell.extra(maker)}


def _service(shell: Shell, maker: Maker, ground: Ground) -> dict[str, Any]:
    return {"id": _id(maker), "type": maker.text(255), "enabled": True, "extra": shell.extra(maker)}


def _role(shell: Shell, maker: Maker, ground: Ground) -> dict[str, Any]:
    found = {"id": _id(maker), "name": f"{maker.text(100)}{maker.word()}", "domain_id": "<<null>>"}
    return {**found, "description": maker.text(255), "extra": shell.extra(maker)}


def _group(shell: Shell, maker: Maker, ground: Ground) -> dict[str, Any]:
    found = {"id": _id(maker), "name": f"{maker.text(40)}{maker.word()}", "domain_id": "default"}
    return {**found, "description": shell.long(maker), "extra": shell.extra(maker)}


def _policy(shell: Shell, maker: Maker, ground: Ground) -> dict[str, Any]:
    found = {"id": _id(maker), "type": maker.text(255), "extra": shell.extra(maker)}
    return {**found, "blob": json.dumps(maker.value())}


def _mapping(shell: Shell, maker: Maker, ground: Ground) -> dict[str, Any]:
    rule = {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": f"A{maker.word()}"}]}
    rules = [rule] * (450 if maker.chance(0.1) else 1) + ([maker.value()] if maker.chance(0.3) else [])
    return {"id": maker.word(), "rules": json.dumps(json.dumps(rules)), "schema_version": "1.0"}


def _trust(shell: Shell, maker: Maker, ground: Ground) -> dict[str, Any]:
    gone = datetime(2026, 1, 1) if maker.chance(0.5) else None
    return {
        "id": _id(maker),
        "trustor_user_id": ground.user,
        "trustee_user_id": ground.other,
        "project_id": ground.project,
        "impersonation": False,
        "deleted_at": gone,
        "expires_at_int": maker.random.randrange(2**50),
        "extra": shell.extra(maker),
    }


_ROWS = {
    "credential": ("credential", _credential),
    "project": ("project", _project),
    "region": ("region", _region),
    "service": ("service", _service),
    "role": ("role", _role),
    "group": ("group", _group),
    "policy": ("policy", _policy),
    "mapping": ("mapping", _mapping),
    "trust": ("trust", _trust),
}
