"""First load of a new spoke: records per second, peak memory, and where the time goes.

One command: ``python benchmarks/load.py``. It starts PostgreSQL of its own (as the tests do), makes a hub and
a spoke of real Keystones for each size, fills the hub, joins the spoke, and lets ``viaduct agent
--first-load`` carry everything. Then the same pages go through the same functions in this process, one after
the other, to see what each costs (``--profile`` adds the functions that take most). A user here has a
password, a membership of a group and an assignment; there is a group with an assignment for every 50 users.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import shutil
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from sqlalchemy.engine import make_url

ROOT = Path(__file__).resolve().parent.parent
# without this folder: its file requests.py would hide the library
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from keystone_viaduct.clock import SystemClock  # noqa: E402
from keystone_viaduct.demo.fleet import VIADUCT, adopt, initialise  # noqa: E402
from keystone_viaduct.demo.handbook import write_clouds  # noqa: E402
from keystone_viaduct.demo.keystones import Keystone, Keystones, SiteSpec  # noqa: E402
from keystone_viaduct.documents.cipher import KeyRepositoryCipher  # noqa: E402
from keystone_viaduct.documents.codec import Codecs  # noqa: E402
from keystone_viaduct.documents.schema import reflect  # noqa: E402
from keystone_viaduct.kinds.registry import REGISTRY  # noqa: E402
from keystone_viaduct.sync.sealing import KeyRing, PageOpener  # noqa: E402
from keystone_viaduct.sync.site import Site  # noqa: E402
from keystone_viaduct.sync.store import SqlStore, make_engine  # noqa: E402
from keystone_viaduct.sync.wire import body  # noqa: E402
from keystone_viaduct.sync.wire.carried import carry  # noqa: E402
from tests.support.databases import Databases, DatabaseScope  # noqa: E402
from tests.support.servers import Servers, new_run_folder  # noqa: E402

HUB, SPOKE = "east", "west"
PER_GROUP = 50
PAGE = 2000
COPY = "_copy"


@contextmanager
def fleet(databases: Databases, users: int, engine: str = "postgresql") -> Iterator[Keystones]:
    """A full hub and a spoke on this engine, both up, not introduced to each other yet.

    On PostgreSQL there is a copy of the spoke's database, to be loaded stage by stage.
    """
    with tempfile.TemporaryDirectory(prefix="viaduct-load-") as name, databases.scope() as scope:
        folder = Path(name)
        keystones = Keystones(folder, [spec(site, folder, scope.keystone(engine)) for site in (HUB, SPOKE)])
        hub, spoke = keystones[HUB], keystones[SPOKE]
        try:
            keystones.prepare()
            fill(hub, users)
            initialise(hub, HUB)
            adopt(spoke, hub)
            initialise(spoke, HUB)
            share_keys(hub, spoke)
            if engine == "postgresql":
                copy(databases, spoke.database_url, scope)
            keystones.start()
            yield keystones
        finally:
            keystones.stop()


def share_keys(hub: Keystone, site: Keystone) -> None:
    """The hub's keys for both, as the agent that is not there would see to it."""
    for ours, theirs in zip(hub.layout.token_keys, site.layout.token_keys, strict=True):
        shutil.rmtree(theirs)
        shutil.copytree(ours, theirs)
        theirs.chmod(0o700)


def copy(databases: Databases, url: str, scope: DatabaseScope) -> None:
    """Another database like the new spoke's, to be loaded stage by stage."""
    parsed = make_url(url)
    name = f"{parsed.database}{COPY}"
    admin = sa.create_engine(databases.servers.get("postgresql").admin_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {parsed.database}")
    admin.dispose()
    scope.urls.append(parsed.set(database=name).render_as_string(hide_password=False))


def spec(name: str, folder: Path, url: str) -> SiteSpec:
    """One site."""
    return SiteSpec(name, url, options={"viaduct": {"key_repository": str(folder / name / "viaduct-keys")}})


def fill(hub: Keystone, users: int) -> None:
    """Write them into the hub's tables, as fast as that goes."""
    engine = make_engine(hub.database_url)
    codecs = Codecs(reflect(engine), KeyRepositoryCipher(hub.layout.credential_keys))
    with engine.begin() as connection:
        role = next(
            key
            for key, found in codecs.load(
                connection, "role", codecs.keys(connection, "role", None, 9)
            ).items()
            if found["name"] == "member"
        )
        (project, *_) = codecs.keys(connection, "project", None, 9)
        for kind, documents in people(users, role, project).items():
            items = [(REGISTRY[kind].key_of(document), document) for document in documents]
            codecs.insert_many(connection, kind, items)
    analyse(engine)
    engine.dispose()


def analyse(engine: sa.engine.Engine) -> None:
    """Let the server know how full its tables are, as it would after a while."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name != "mysql":
            connection.exec_driver_sql("ANALYZE")
            return
        for table in ("user", "local_user", "password", "`group`", "user_group_membership", "assignment"):
            connection.exec_driver_sql(f"ANALYZE TABLE {table}")


def people(users: int, role: str, project: str) -> dict[str, list[dict[str, Any]]]:
    """Documents by kind. The hash is of bcrypt's form, as a real one would be."""
    found: dict[str, list[dict[str, Any]]] = {"user": [], "group": [], "membership": [], "assignment": []}

    def grant(sort: str, actor: str) -> None:
        grant = {"type": sort, "actor_id": actor, "target_id": project, "role_id": role, "inherited": False}
        found["assignment"].append(grant)

    group = ""
    for number in range(users):
        if number % PER_GROUP == 0:
            group = uuid.uuid4().hex
            name = f"group {number // PER_GROUP}"
            found["group"].append({"id": group, "domain_id": "default", "name": name, "description": name})
            grant("GroupProject", group)
        user = uuid.uuid4().hex
        password = {
            "created_at_int": 1_700_000_000_000_000 + number,
            "expires_at_int": None,
            "password_hash": "$2b$12$" + (uuid.uuid4().hex + uuid.uuid4().hex)[:53],
            "self_service": False,
        }
        found["user"].append(
            {
                "id": user,
                "domain_id": "default",
                "enabled": True,
                "default_project_id": None,
                "created_at": "2026-01-02T03:04:05Z",
                "last_active_at": None,
                "extra.email": f"user{number}@example.org",
                "extra.description": f"number {number}",
                "local.name": f"user{number}",
                "passwords": [password],
                "federated": [],
            }
        )
        found["membership"].append({"user_id": user, "group_id": group})
        grant("UserProject", user)
    return found


@dataclass
class Outcome:
    """``memory``: peak resident size (VmHWM) in MiB; ``processor``: seconds, both by process."""

    users: int
    changes: int = 0
    seconds: float = 0.0
    memory: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.changes / self.seconds


def measure(keystones: Keystones, users: int) -> Outcome:
    """Let the product's own command carry it."""
    folder = keystones.folder / "agent"
    folder.mkdir()
    clouds = write_clouds(folder / "clouds.yaml", keystones.sites.values())
    agent = {"first_load_limit": PAGE, "listen": False}
    topology = {"hub": HUB, "clouds": str(clouds), "sites": {HUB: HUB, SPOKE: SPOKE}, "agent": agent}
    (folder / "viaduct.yaml").write_text(yaml.safe_dump(topology))
    command = [sys.executable, "-W", "ignore", "-m", VIADUCT, "agent", "--first-load", "--json"]
    before = {name: processor_of(site) for name, site in keystones.sites.items()}
    began = time.perf_counter()
    output, peak, used = run_measured(command, folder, keystones[HUB].environment)
    outcome = Outcome(users, seconds=time.perf_counter() - began)
    outcome.processor = {n: processor_of(s) - before[n] for n, s in keystones.sites.items()} | {
        "loader": used
    }
    for link in json.loads(output)["links"]:
        outcome.changes += link["changes"]
        assert not link["error"], link
    outcome.memory = {name: peak_of(site) for name, site in keystones.sites.items()} | {"loader": peak}
    return outcome


def run_measured(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[str, float, float]:
    """Standard output, the process's own peak in MiB, and its processor seconds."""
    with (folder / "out").open("w+") as out, (folder / "log").open("w+") as log:
        actions = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)]
        env = {**environment, "PYTHONPATH": str(ROOT)}
        where = os.getcwd()
        os.chdir(folder)
        try:
            pid = os.posix_spawn(command[0], command, env, file_actions=actions)
        finally:
            os.chdir(where)
        _, status, usage = os.wait4(pid, 0)
        out.seek(0), log.seek(0)
        if status:
            raise SystemExit(f"the first load failed:\n{log.read()}\n{out.read()}")
        return out.read(), usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def peak_of(site: Keystone) -> float:
    """VmHWM in MiB of a site's worker (the largest of gunicorn's processes)."""
    return max(peak_of_process(pid) for pid in workers(site))


def workers(site: Keystone) -> list[int]:
    """Process ids of gunicorn's workers."""
    return [int(pid) for pid in Path(f"/proc/{site.pid}/task/{site.pid}/children").read_text().split()]


def processor_of(site: Keystone) -> float:
    """Seconds that a site's workers have used so far (utime and stime of proc(5))."""
    ticks = 0
    for pid in workers(site):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_of_process(pid: int) -> float:
    """VmHWM in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


class Stages:
    """Processor and wall seconds by stage; with a profiler, the functions that take most of each."""

    def __init__(self, profiled: bool) -> None:
        self.cpu: Counter[str] = Counter()
        self.wall: Counter[str] = Counter()
        self.profiles = {} if profiled else None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside."""
        profile = None if self.profiles is None else self.profiles.setdefault(name, cProfile.Profile())
        cpu, wall = time.process_time(), time.perf_counter()
        if profile:
            profile.enable()
        yield
        if profile:
            profile.disable()
        self.cpu[name] += time.process_time() - cpu
        self.wall[name] += time.perf_counter() - wall

    def lines(self, changes: int) -> Iterator[str]:
        """A Markdown table: microseconds per record."""
        yield "| stage | wall µs/record | of them this process |"
        yield "| --- | --- | --- |"
        for name, wall in self.wall.items():
            yield f"| {name} | {wall / changes * 1e6:.1f} | {self.cpu[name] / changes * 1e6:.1f} |"
        wall, cpu = self.wall.total(), self.cpu.total()
        yield f"| all | {wall / changes * 1e6:.1f} | {cpu / changes * 1e6:.1f} |"

    def print_profiles(self) -> None:
        """The functions in which most time is spent, by stage."""
        for name, profile in (self.profiles or {}).items():
            print(f"\n{name}")
            pstats.Stats(profile).sort_stats("tottime").print_stats(22)


def dissect(keystones: Keystones, stages: Stages) -> int:
    """The first load, stage by stage in this process; how many records were carried."""
    from keystone_viaduct.sync.api import changes

    source = open_store(keystones[HUB])
    target = open_store(keystones[SPOKE], make_url(keystones[SPOKE].database_url).database + COPY)
    hub, spoke = Site(source, SystemClock()), Site(target, SystemClock())
    peer = source.read(lambda tx: tx.peers()[SPOKE])
    secret = source.read(lambda tx: tx.known_state()).fleet_secret
    target.run(lambda tx: tx.save_state(replace(tx.state(), fleet_secret=secret, incarnation="another")))
    after, count = None, 0
    while True:
        with stages.stage("source: read the feed and the documents"):
            page = hub.read("south", after, PAGE)  # a site without a past
        with stages.stage("source: seal, JSON"):
            data = changes.encode(page, peer.public_key)
        with stages.stage("source: compress"):
            packed, encoding = body.compress(data, "zstd")
        with stages.stage("agent: look at the frame"):
            carry(packed, encoding)
        with stages.stage("target: parse, open, check"):
            value = body.loads(body.decompress(packed, encoding))
            taken = changes.page_from_json(value, lambda header: PageOpener(target.ring, header).open)
        with stages.stage("target: apply"):
            after = spoke.apply(taken).checkpoint
        count += len(page.changes)
        if page.at_head:
            return count


def open_store(site: Keystone, database: str | None = None) -> SqlStore:
    """A site's store in this process, or the same over another database."""
    url = make_url(site.database_url)
    engine = make_engine(url.set(database=database) if database else url)
    codecs = Codecs(reflect(engine), KeyRepositoryCipher(site.layout.credential_keys))
    return SqlStore(engine, KeyRing.load(site.layout.folder / "viaduct-keys"), codecs)


def main() -> None:
    """Measure both sizes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, action="append", help="default: 2000 and 20000")
    parser.add_argument("--profile", action="store_true", help="also print where the processor's time goes")
    parser.add_argument("--stages-only", action="store_true", help="leave out the command itself")
    arguments = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    try:
        for users in arguments.users or [2000, 20000]:
            with fleet(Databases(servers), users) as keystones:
                report(keystones, users, arguments)
    finally:
        servers.stop_all()


def report(keystones: Keystones, users: int, arguments: argparse.Namespace) -> None:
    """Measure one size and print it."""
    print(
        f"\n{users} users; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True
    )
    outcome = measure(keystones, users)
    print(f"{outcome.changes} records in {outcome.seconds:.1f} s: {outcome.rate:.0f} records/s")
    peaks = ", ".join(f"{name} {peak:.0f}" for name, peak in outcome.memory.items())
    print(f"peak memory in MiB: {peaks}")
    used = ", ".join(f"{name} {seconds:.1f}" for name, seconds in outcome.processor.items())
    print(f"processor seconds (PostgreSQL's not counted): {used}", flush=True)
    stages = Stages(arguments.profile)
    count = dissect(keystones, stages)
    print("\n".join(stages.lines(count)), flush=True)
    stages.print_profiles()


if __name__ == "__main__":
    main()
