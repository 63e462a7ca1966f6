"""Two grown Keystones are joined by the documented steps alone: what logs in before and after.

The hub is on PostgreSQL, the spoke on MariaDB. An operator forgets to adopt at first, is stopped, and does
it then.
"""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from keystone_viaduct.demo.comparer import Source, compare
from keystone_viaduct.demo.keystones import OUR_WSGI, UPSTREAM_WSGI, Keystone, Keystones, SiteSpec
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.kinds.registry import REGISTRY
from tests.integration.joining.grown import (
    HUB,
    PASSWORDS,
    SERVICES,
    SPOKE,
    Grower,
    Grown,
    logs_in_by_application_credential,
    matrix,
)
from tests.support.databases import DatabaseScope

pytestmark = [pytest.mark.keystone, pytest.mark.postgresql, pytest.mark.mariadb]

PAIRS = [
    pytest.param(("postgresql", "mariadb"), id="postgresql-mariadb"),
    pytest.param(("mariadb", "postgresql"), id="mariadb-postgresql", marks=pytest.mark.slow),
    pytest.param(("sqlite", "postgresql"), id="sqlite-postgresql", marks=pytest.mark.slow),
    pytest.param(("mariadb", "sqlite"), id="mariadb-sqlite", marks=pytest.mark.slow),
]
#: What the operator chooses; the rest is the union of roles, and else the hub's.
CHOSEN = {"user/alice": "newest", "user/frank": "site"}
#: Kinds of which an authentication makes or changes records.
_BESIDE = frozenset({"revocation_event"})
#: A password that the agent tries at the other site counts as one failed attempt there.
_TRIED = frozenset({"failed_auth_count", "failed_auth_at"})


@dataclass
class Told:
    """One command's end."""

    code: int
    out: str
    err: str


@dataclass
class Story:
    """What was seen on the way."""

    keystones: Keystones
    grown: dict[str, Grown]
    folder: Path
    before: dict[str, dict[str, tuple[bool, bool]]] = field(default_factory=dict)
    after: dict[str, dict[str, tuple[bool, bool]]] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)

    def viaduct(self, site: str, *arguments: str) -> Told:
        """A command at a site's host."""
        keystone = self.keystones[site]
        done = subprocess.run(
            [str(keystone.spec.python), "-m", "keystone_viaduct.cli.main", *arguments],
            env={**keystone.environment, "COLUMNS": "200"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Told(done.returncode, done.stdout, done.stderr)

    def config(self, site: str) -> tuple[str, str]:
        """How a command finds the site."""
        return "--config-file", str(self.keystones[site].layout.config)

    def done(self, name: str, site: str, *arguments: str, code: int = 0) -> Told:
        """A command that ends as it should."""
        before = self._rows() if code else {}
        told = self.told[name] = self.viaduct(site, *arguments)
        assert told.code == code, f"{name}: {told}"
        if code and self._rows() == before:
            self.unchanged.add(name)
        return told

    def _rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that Keystone's own tables hold at both sites."""
        found = {}
        for name, site in self.keystones.sites.items():
            engine = sa.create_engine(site.database_url, poolclass=sa.pool.NullPool)
            metadata = sa.MetaData()
            metadata.reflect(engine, only=lambda table, _: not table.startswith("viaduct_"))
            with engine.connect() as connection:
                for table in metadata.sorted_tables:
                    if table.name not in _BESIDE:
                        columns = [sa.cast(c, sa.String(4000)) for c in table.c if c.name not in _TRIED]
                        rows = connection.execute(sa.select(*columns))
                        found[f"{name}.{table.name}"] = sorted(map(tuple, rows), key=str)
        return found


@pytest.fixture(scope="module", params=PAIRS)
def story(
    request: pytest.FixtureRequest, module_databases: DatabaseScope, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """The whole of it."""
    folder = tmp_path_factory.mktemp("joining")
    urls = dict(zip((HUB, SPOKE), (module_databases.empty(engine) for engine in request.param), strict=True))
    keystones = Keystones(folder, [_spec(folder, name, url) for name, url in urls.items()])
    with keystones:
        grown = {
            name: Grower(Place(site), side).grow()
            for side, (name, site) in enumerate(keystones.sites.items())
        }
        told = Story(keystones, grown, folder)
        told.before = {name: matrix(site) for name, site in keystones.sites.items()}
        _join(told)
        told.after = {name: matrix(site) for name, site in keystones.sites.items()}
        yield told


def _spec(folder: Path, name: str, url: str) -> SiteSpec:
    password = PASSWORDS["admin"][0 if name == HUB else 1]
    assert password is not None
    options = {"viaduct": {"key_repository": str(folder / name / "viaduct-keys")}}
    return SiteSpec(name, database_url=url, wsgi=UPSTREAM_WSGI, admin_password=password, options=options)


def _join(story: Story) -> None:
    """As an operator does it with the handbook."""
    for site in (HUB, SPOKE):
        story.done(f"init {site}", site, "init", *story.config(site), "--site", site, "--hub", HUB)
        _serve_ours(story.keystones[site])
    _write_fleet(story, "viaduct.yaml", {name: f"sync-{name}" for name in (HUB, SPOKE)})
    story.done("unadopted", HUB, "agent", "--config", "viaduct.yaml", "--first-load", code=3)
    _adopt(story)
    _restart(story.keystones[SPOKE])
    _write_fleet(story, "admin.yaml", dict.fromkeys((HUB, SPOKE), "admin"))
    story.done("locked out", HUB, "agent", "--config", "admin.yaml", "--first-load", code=3)
    story.done("first load", HUB, "agent", "--config", "viaduct.yaml", "--first-load")
    story.done("once", HUB, "agent", "--config", "viaduct.yaml", "--once")


def _adopt(story: Story) -> None:
    story.done("export", HUB, "adopt", HUB, *story.config(HUB), "--export", "east.inventory")
    given = ["adopt", SPOKE, *story.config(SPOKE), "--hub-inventory", "east.inventory", "--rekey"]
    story.done("refused", SPOKE, *given, "--apply", code=3)
    single = [part for address, choice in CHOSEN.items() for part in ("--choose", f"{address}={choice}")]
    told = story.done(
        "apply", SPOKE, *given, "--apply", "--access", "both,hub", *single, "--json", "plan.json"
    )
    assert "ids changed" in told.out
    story.plan = json.loads((story.folder / "plan.json").read_text())


def _serve_ours(site: Keystone) -> None:
    site.spec = replace(site.spec, wsgi=OUR_WSGI)
    site.write_config()
    _restart(site)


def _restart(site: Keystone) -> None:
    site.stop()
    site.start()
    site.wait_ready()


def _write_fleet(story: Story, name: str, accounts: dict[str, str]) -> None:
    """A fleet's file, and the clouds beside it: by whom the agent logs in at each site."""
    clouds = {
        site: {
            "auth": {
                "auth_url": keystone.url,
                "username": accounts[site],
                "password": PASSWORDS[accounts[site]][0 if site == HUB else 1],
                "user_domain_id": "default",
                "system_scope": "all",
            }
        }
        for site, keystone in story.keystones.sites.items()
    }
    (story.folder / f"clouds-{name}").write_text(yaml.safe_dump({"clouds": clouds}))
    fleet = {"hub": HUB, "clouds": f"clouds-{name}", "sites": {HUB: HUB, SPOKE: SPOKE}}
    (story.folder / name).write_text(yaml.safe_dump({**fleet, "agent": {"listen": False}}))


def chosen(story: Story) -> dict[str, str]:
    """Address -> whose it is to be, by the plan."""
    return {item["address"]: item["chosen"] for item in story.plan["access"]}


def test_every_log_in_is_afterwards_as_the_plan_said(story: Story) -> None:
    """The table: an account, the passwords that let it in at hub and spoke before, as planned, and after."""
    surprises = []
    for name, (hubs, spokes) in PASSWORDS.items():
        planned = _planned(story, name)
        for site in (HUB, SPOKE):
            before, after = story.before[site][name], story.after[site][name]
            print(f"{name:10} {site}: before {before}, planned {planned}, after {after}")
            if after != planned:
                surprises.append((name, site, before, planned, after))
        assert (hubs is None) or (spokes is None) or story.before[HUB][name] != (False, False)
    assert not surprises


def _planned(story: Story, name: str) -> tuple[bool, bool]:
    """What lets an account in at both sites: where only one has it, what lets it in there."""
    hubs, spokes = PASSWORDS[name]
    if hubs is None or spokes is None:
        return story.before[HUB if spokes is None else SPOKE][name]
    side = chosen(story).get(f"user/{name}", "hub")
    winner = HUB if side == "hub" else SPOKE
    return story.before[winner][name]


def test_each_account_of_two_passwords_is_named_and_none_of_one(story: Story) -> None:
    named = {address for address in chosen(story) if address.startswith("user/")}
    expected = {
        f"user/{n}" for n, (hubs, spokes) in PASSWORDS.items() if hubs is not None and spokes is not None
    }
    assert named == expected, "equal passwords too, for their hashes are salted"
    services = {item["label"] for item in story.plan["access"] if item["service"]}
    assert services == set(SERVICES)
    assert chosen(story)["user/alice"] == "site", "the spoke's was set later"
    what = {item["address"]: " ".join(item["what"]) for item in story.plan["access"]}
    assert "disabled at west" in what["user/erin"] and "multi-factor" in what["user/frank"]
    assert "admin on project dev: only at west" in what["roles/alice"]
    assert "member of group ops: only at east" in what["roles/bob"]
    assert "ci~west" in what["application_credential/ci"]


def test_apply_and_first_load_stop_before_anything_is_changed(story: Story) -> None:
    refused, unadopted = story.told["refused"], story.told["unadopted"]
    assert "TO BE CHOSEN" in refused.out and "--access" in refused.err
    assert "WARNING: the agent's own account" in refused.out
    assert "service accounts" in refused.out
    assert "user/admin" in unadopted.out and "admin~west" in unadopted.out, "it would be called otherwise"
    assert "hint" not in unadopted.out and "choose" in unadopted.err
    assert story.unchanged == {"unadopted", "refused", "locked out"}


def test_an_agent_that_would_be_locked_out_is_stopped_and_told_what_to_do(story: Story) -> None:
    """The hub's password was chosen for all, and west's clouds.yaml has another one."""
    told = story.told["locked out"]
    assert "would lock the agent out of west: user/admin" in told.err
    assert "an account of its own at each site" in told.err and "--choose user/admin=hub" in told.err


def test_an_inventory_holds_no_secret_and_yet_tells_equal_from_different(story: Story) -> None:
    text = gzip.decompress((story.folder / "east.inventory").read_bytes()).decode()
    for secret in ("$2b$", *(ec2["secret"] for ec2 in (story.grown[s].ec2 for s in (HUB, SPOKE)))):
        assert secret not in text
    assert "SECRETS WERE NOT COMPARED" not in story.told["refused"].out


def test_application_credentials_of_one_name_work_at_both_sites_by_id(story: Story) -> None:
    for site in story.keystones.sites.values():
        for made in story.grown.values():
            assert logs_in_by_application_credential(site, **made.application_credential)
        user = {"name": "admin", "domain": {"id": "default"}}
        by_name = {name: story.grown[name].application_credential["secret"] for name in (HUB, SPOKE)}
        assert logs_in_by_application_credential(site, name="ci", user=user, secret=by_name[HUB])
        assert logs_in_by_application_credential(site, name="ci~west", user=user, secret=by_name[SPOKE])


def test_nothing_is_lost_and_both_sites_are_equal(story: Story) -> None:
    """Of each kind as many records as both have together, those of both counted once."""
    both = dict(story.plan["equal"])
    for match in story.plan["matches"]:
        both[match["kind"]] = both.get(match["kind"], 0) + 1
    only = [story.plan["only_here"], story.plan["only_there"]]
    expected = {
        kind: both.get(kind, 0) + sum(len(side.get(kind, ())) for side in only)
        for kind in REGISTRY
        if kind not in _BESIDE
    }
    sources = [
        Source(name, site.database_url, site.layout.credential_keys)
        for name, site in story.keystones.sites.items()
    ]
    found = compare(sources)
    assert found.equal, found
    counts = {kind: found.records.get(kind, 0) for kind in expected}
    assert counts == expected


def test_alices_keys_of_both_sites_are_at_both(story: Story) -> None:
    for site in story.keystones.sites.values():
        place = Place(site, PASSWORDS["admin"][0])
        for made in story.grown.values():
            alice = story.grown[HUB].users["alice"]
            key = place.admin.get(f"/users/{alice}/credentials/OS-EC2/{made.ec2['access']}")
            assert key["credential"]["secret"] == made.ec2["secret"]
