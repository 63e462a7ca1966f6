"""The checks of ``viaduct doctor``: each looks at one thing and says what it found."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import sqlalchemy as sa

from keystone_viaduct.cli import _pooling
from keystone_viaduct.cli._charter_words import doubts
from keystone_viaduct.cli._keystone import KeystoneSettings
from keystone_viaduct.cli._orphans import OrphanKeeper
from keystone_viaduct.cli._site import Database, open_database
from keystone_viaduct.cli._terminal import moment
from keystone_viaduct.cli._travel import TOLD, Probe
from keystone_viaduct.errors import NotInitialised, ViaductError
from keystone_viaduct.health.catalogue import name_of
from keystone_viaduct.health.checks import ANNOUNCED
from keystone_viaduct.health.finding import Finding, Verdict
from keystone_viaduct.kinds.trees import ACYCLIC, above, loops, told
from keystone_viaduct.sync import sealing
from keystone_viaduct.sync.capture import OFFER, by_events, triggers_of
from keystone_viaduct.sync.model import Ref, restored_at
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, schema
from keystone_viaduct.sync.store.tables import site_table
from keystone_viaduct.sync.waiting import counted, waiting
from keystone_viaduct.triggers import State

#: Expand heads of Keystone's migrations -> the releases that have them (KEYSTONE: Releases).
RELEASES = {
    "11c3b243b4cb": "24",
    "47147121": "25 to 27",
    "e8725d6fa226": "28",
    "742c857f1dfb": "29 or 30",
}
SUPPORTED = range(24, 31)
#: Caches that one process can't empty in another.
PRIVATE_CACHES = ("dogpile.cache.memory", "dogpile.cache.memory_pickle", "oslo_cache.dict")
STUCK_SECONDS = 600
#: A peer is noted once in a quarter of an hour, and confirmed to have all several times an hour.
SILENT_SECONDS = 3600


@dataclass(frozen=True)
class Site:
    """What the checks look at; ``now`` in microseconds since the epoch."""

    settings: KeystoneSettings
    database: Database
    now: int


Check = Callable[[Site], Iterable[Finding]]


def examine(settings: KeystoneSettings, now: int) -> list[Finding]:
    """Every check. Raises ConfigError, StoreUnavailable, SchemaMissing when there is nothing to look at."""
    site = Site(settings, open_database(settings), now)
    found: list[Finding] = []
    for check in CHECKS:
        name = name_of(check)
        try:
            found += check(site)
        except ViaductError as error:
            if all(error.message != finding.message for finding in found):
                found.append(Finding(name, Verdict.PROBLEM, error.message, error.hint))
    return found


def check_keystone(site: Site) -> Iterator[Finding]:
    """Is this a release that we know?"""
    with site.database.engine.connect() as connection:
        heads = list(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars())
    known = next((RELEASES[head] for head in heads if head in RELEASES), None)
    if known is None:
        yield Finding(
            "keystone",
            Verdict.WARNING,
            f"the tables are of a release that is not known here ({', '.join(heads)})",
            "columns that this viaduct does not know travel as plain fields; is there a newer viaduct?",
        )
    else:
        yield Finding("keystone", Verdict.OK, f"tables of Keystone {known}")
    try:
        installed = importlib.metadata.version("keystone")
    except importlib.metadata.PackageNotFoundError:
        return
    if int(installed.split(".")[0]) not in SUPPORTED:
        yield Finding(
            "keystone", Verdict.PROBLEM, f"Keystone {installed} is installed", "24 to 30 are supported"
        )


def check_database(site: Site) -> Iterator[Finding]:
    """Can our transactions run as they must?"""
    dialect = site.database.engine.dialect.name
    with site.database.engine.connect() as connection:
        if dialect in ("mysql", "mariadb"):
            # (not by @@: a server that has no such variable any more would refuse the question)
            found = connection.execute(sa.text("SHOW GLOBAL VARIABLES LIKE '%bin%'"))
            settings = {str(row[0]): str(row[1]) for row in found}
            if settings.get("log_bin") == "ON" and settings.get("binlog_format") == "STATEMENT":
                yield Finding(
                    "database",
                    Verdict.PROBLEM,
                    "binlog_format is STATEMENT, with which READ COMMITTED can't write",
                    "set binlog_format to ROW or MIXED",
                )
                return
        elif dialect == "sqlite":
            mode = connection.execute(sa.text("PRAGMA journal_mode")).scalar()
            if mode != "wal":
                yield Finding(
                    "database",
                    Verdict.WARNING,
                    f"SQLite's journal is {mode}: readers and the writer wait for each other",
                    "stop Keystone and run `viaduct doctor` again: it switches to the write-ahead log",
                )
                return
    yield Finding("database", Verdict.OK, f"{dialect}, READ COMMITTED for our transactions")


def check_pooler(site: Site) -> Iterator[Finding]:
    """Do the options that are set once for a session hold?"""
    if site.database.engine.dialect.name != "postgresql":
        return
    found = _pooling.look(site.database.engine)
    options = ", ".join(site.settings.session_options)
    if found.shared and options:
        yield Finding(
            "pooler",
            Verdict.PROBLEM,
            f"a pooler gives each transaction any session: {options} would hold for others, and not for all",
            "set pool_mode = session for this database, or leave the options out and let the role have them: "
            "ALTER ROLE … SET lock_timeout, default_transaction_isolation",
        )
    elif found.shared:
        told = "a pooler gives each transaction any session; what has to hold is said in each transaction"
        yield Finding("pooler", Verdict.OK, told)
    elif found.present:
        yield Finding("pooler", Verdict.OK, "a pooler gives each connection a session of its own")


def check_tables(site: Site) -> Iterator[Finding]:
    """Are our tables there and of this release?"""
    with site.database.engine.connect() as connection:
        schema.check_current(connection)
    yield Finding("tables", Verdict.OK, f"our tables are at revision {schema.head()}")


def check_keys(site: Site) -> Iterator[Finding]:
    """Are the keys there, private, and the right ones?"""
    folder = site.settings.viaduct_keys
    exposed = sealing.exposed_keys(folder)
    if exposed:
        yield Finding(
            "keys",
            Verdict.PROBLEM,
            f"others may touch {', '.join(map(str, exposed))}",
            "chmod 0600 for keys, 0700 for folders",
        )
    credential_keys = site.settings.credential_keys
    uid = credential_keys.stat().st_uid if credential_keys.is_dir() else None
    strange = sealing.owned_by_others(folder, uid) if uid is not None else []
    if strange:
        yield Finding(
            "keys",
            Verdict.PROBLEM,
            f"{', '.join(map(str, strange))} belong to another user than {credential_keys}: "
            "Keystone can't read them",
            f"chown -R --reference={credential_keys} {folder}",
        )
    ring = KeyRing.load(folder)
    state = _store(site, ring).read(lambda tx: tx.peek_state())
    if state is not None and state.is_hub and not state.fleet_secret:
        yield Finding(
            "keys", Verdict.PROBLEM, "the hub has no fleet secret", "restore viaduct_site from a backup"
        )
    elif not exposed and not strange:
        yield Finding("keys", Verdict.OK, f"keys in {folder}, mode 0600, open what this site has stored")
    if not site.settings.credential_keys.is_dir():
        yield Finding(
            "keys",
            Verdict.WARNING,
            f"there are no credential keys in {site.settings.credential_keys}",
            "run `keystone-manage credential_setup`, or correct [credential] key_repository",
        )


def check_site(site: Site) -> Iterator[Finding]:
    """Does the database know who it is?"""
    state = _store(site, KeyRing.load(site.settings.viaduct_keys)).read(lambda tx: tx.known_state())
    role = "the hub" if state.is_hub else f"a spoke of {state.hub}"
    if state.fleet_secret:
        yield Finding("site", Verdict.OK, f"{state.site}, {role}, feed at {state.head}")
    elif not state.is_hub:
        yield Finding(
            "site", Verdict.WARNING, f"{state.site}, {role}, has not joined yet", "start the agent at the hub"
        )
    restored = restored_at(state.incarnation)
    if restored and site.now - restored < ANNOUNCED * 1e6:
        yield Finding(
            "site",
            Verdict.WARNING,
            f"{state.site} was put back to a backup: that was noticed at {moment(restored)}",
            f"`viaduct conflicts list --site {state.site}` has what that held and somebody has changed since",
        )
    sites = state.statement.terms.sites if state.statement is not None else {}
    unsigned = sorted(name for name, key in sites.items() if not key)
    if unsigned:
        yield Finding(
            "site",
            Verdict.WARNING,
            f"{', '.join(unsigned)} may be promoted, and can't sign that",
            "upgrade keystone-viaduct there, and let the agent run: until then such a promotion is believed "
            "without a signature",
        )


def check_delegations(site: Site) -> Iterator[Finding]:
    """May a limited site do more than its operator may have meant?"""
    store = _store(site, KeyRing.load(site.settings.viaduct_keys))
    found = store.read(lambda tx: list(doubts(cast(Transaction, tx), tx.known_state().charter)))
    for doubt in found:
        hint = "`viaduct charter show`, then set one that says what is meant"
        yield Finding("delegations", Verdict.WARNING, doubt, hint)
    if not found:
        yield Finding("delegations", Verdict.OK, "no limited site may do more than was said")


def check_capture(site: Site) -> Iterator[Finding]:
    """Does every change leave its mark?"""
    with site.database.engine.connect() as connection:
        capture = triggers_of(connection, site.database.schema, site.settings.capture)
        events = by_events(connection, site.settings.capture)
        states = Counter(item.state for item in capture.status())
        problems = [] if not states.keys() - {State.INSTALLED} else capture.problems()
    others = {state: number for state, number in states.items() if state is not State.INSTALLED}
    if not others and events:
        told = "by events in Keystone's processes: what other programs change goes unseen"
        yield Finding("capture", Verdict.OK, told)
    elif not others:
        yield Finding("capture", Verdict.OK, f"by triggers, {states[State.INSTALLED]} installed")
    else:
        told = ", ".join(f"{number} {state}" for state, number in sorted(others.items()))
        yield Finding(
            "capture",
            Verdict.PROBLEM,
            f"triggers: {told}, {states[State.INSTALLED]} installed: changes may go unseen",
            "run `viaduct init` again",
        )
    for problem in problems:
        message = f"the database user lacks {problem.privilege} on {problem.subject}"
        yield Finding("capture", Verdict.PROBLEM, message, f"{problem.hint}; {OFFER}")


def check_drivers(site: Site) -> Iterator[Finding]:
    """Which domains have users and groups without rows?"""
    with site.database.engine.connect() as connection:
        drivers = site.settings.drivers.read(connection)
    store = _store(site, KeyRing.load(site.settings.viaduct_keys))
    told = [f"{domain} by {name}" for domain, name in sorted(drivers.names.items())]
    count = store.read(lambda tx: tx.count_external())
    if drivers.unmapped:
        told.append(f"the ids of {drivers.unmapped} are not mapped")
    message = "; ".join(told) if told else "SQL has every domain"
    yield Finding("drivers", Verdict.OK, f"{message}; {count} records with owners without rows")
    charter = store.read(lambda tx: tx.known_state()).charter
    if drivers.unmapped and charter.external not in ("", drivers.unmapped):
        yield Finding(
            "drivers",
            Verdict.WARNING,
            f"the charter says that only the ids of domain {charter.external} are not mapped",
            "one id must not mean two users: set [identity_mapping] backward_compatible_ids = false here",
        )


def check_marks(site: Site) -> Iterator[Finding]:
    """Is the feed being read?"""
    store = _store(site, KeyRing.load(site.settings.viaduct_keys))
    count, oldest = store.read(lambda tx: tx.count_marks())
    age = 0 if oldest is None else max(0, (site.now - oldest) // 1_000_000)
    if age > STUCK_SECONDS:
        yield Finding(
            "marks",
            Verdict.WARNING,
            f"{count} marks wait to be numbered, the oldest for {age} s",
            "does the agent at the hub run, and does it reach this site?",
        )
    else:
        yield Finding("marks", Verdict.OK, f"{count} marks wait to be numbered")


def check_heard(site: Site) -> Iterator[Finding]:
    """Does the hub read this site, or some spoke the hub?"""
    found = _store(site, KeyRing.load(site.settings.viaduct_keys)).read(
        lambda tx: (tx.known_state(), list(tx.peers().values()))
    )
    state, peers = found
    last = max((peer.heard for peer in peers), default=0)
    if not state.fleet_secret or not peers:
        return  # `site` says that it has not joined
    if last and site.now - last < SILENT_SECONDS * 1_000_000:
        yield Finding("heard", Verdict.OK, f"read by another site at {moment(last)}, or later")
        return
    when = f"since {moment(last)}" if last else "yet"
    yield Finding(
        "heard",
        Verdict.WARNING,
        f"no other site has read here {when}: what is changed here does not travel",
        "does an agent work (`viaduct doctor` of the fleet)? Does the WSGI server serve "
        "`keystone_viaduct.wsgi:application`, not Keystone's own? Was this site retired: `viaduct uninstall`",
    )


def check_orphans(site: Site) -> Iterator[Finding]:
    """Does everything that a row needs exist?"""
    keeper = OrphanKeeper(site.database, site.settings)
    found = keeper.count()
    removable = keeper.removable(found)
    for item in found:
        taken = "`viaduct init --remove-orphans` writes them to a file and removes them"
        left = "the hub's sweep deletes and lists what its records need in vain"
        yield Finding("orphans", Verdict.WARNING, str(item), taken if item in removable else left)
    if not found:
        yield Finding("orphans", Verdict.OK, "no row needs another that is not there")


#: What to do about records that lie below themselves; Keystone itself can't always be asked any more.
UNTANGLE = {
    "region": 'PATCH one of them with {"parent_region_id": null}; no other PATCH of a region is answered',
    "project": "set parent_id of one of them to its domain_id, by SQL",
    "trust": "mark one of them as deleted (deleted_at), by SQL; no log-in with any of them is answered",
}


def check_circles(site: Site) -> Iterator[Finding]:
    """Does a record lie below itself, so that Keystone goes up for ever?"""
    codecs = site.database.codecs
    for kind, reference in ACYCLIC.items():
        with site.database.engine.connect() as connection:
            rows = codecs.column(connection, kind, reference.field)
            parents = {key: above(kind, {reference.field: value}) for key, value in rows}
        for loop in loops(parents, partial(_picked, parents)):
            message = f"below themselves: {told([Ref(kind, key) for key in loop])}"
            yield Finding("circles", Verdict.PROBLEM, message, UNTANGLE[kind])


def _picked(parents: Mapping[str, str | None], keys: Sequence[str]) -> dict[str, str | None]:
    return {key: parents.get(key) for key in keys}


def check_cache(site: Site) -> Iterator[Finding]:
    """Can an applied change empty what other workers have cached?"""
    backend = site.settings.cache_backend
    if site.settings.cache_enabled and backend in PRIVATE_CACHES:
        yield Finding(
            "cache",
            Verdict.PROBLEM,
            f"[cache] backend is {backend}: other workers keep serving what a replicated change has replaced",
            "use a shared cache (memcached, Redis), or dogpile.cache.null",
        )
    else:
        yield Finding("cache", Verdict.OK, backend if site.settings.cache_enabled else "disabled")


def _store(site: Site, ring: KeyRing) -> SqlStore:
    with site.database.engine.connect() as connection:
        if schema.current(connection) is None:
            raise NotInitialised("this database has no viaduct tables", hint="run `viaduct init`")
    return SqlStore(site.database.engine, ring, site.database.codecs)


def check_waiting(site: Site) -> Iterator[Finding]:
    """Which records wait here, and why?"""
    store = _store(site, KeyRing.load(site.settings.viaduct_keys))
    found = store.read(lambda tx: waiting(cast(Transaction, tx)) if tx.has_state() else [])
    for state, number in counted(found).items():
        first = [f"{w.ref} {w.name!r} ({w.reason})" for w in found if w.state == state][:3]
        more = f" and {number - len(first)} more" if number > len(first) else ""
        yield Finding(
            "waiting",
            Verdict.WARNING,
            f"{number} records are {state}: {', '.join(first)}{more}",
            "`viaduct status` and `viaduct quarantine list SITE` say why",
        )


def _has_numbered(site: Site) -> bool:
    """Whether this site has begun to number its records. Needs no keys, for there are none before `init`."""
    with site.database.engine.connect() as connection:
        if schema.current(connection) is None:
            return False
        return bool(connection.execute(sa.select(site_table.c.head)).scalar())


def check_travel(site: Site) -> Iterator[Finding]:
    """Before it joins: are there records that could not travel? Later they are on the list of what waits."""
    if _has_numbered(site):
        return
    found = list(Probe(site.database.engine, site.database.codecs).find())
    if not found:
        yield Finding("travel", Verdict.OK, "all records can travel")
    for stuck in found[:TOLD]:
        yield Finding("travel", Verdict.WARNING, str(stuck), "change it before this site joins")
    if len(found) > TOLD:
        yield Finding("travel", Verdict.WARNING, f"{len(found) - TOLD} more records can't travel as they are")


CHECKS: tuple[Check, ...] = (
    check_keystone,
    check_database,
    check_pooler,
    check_tables,
    check_keys,
    check_site,
    check_delegations,
    check_capture,
    check_drivers,
    check_marks,
    check_heard,
    check_orphans,
    check_circles,
    check_travel,
    check_waiting,
    check_cache,
)
