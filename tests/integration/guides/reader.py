"""An operator who does what a page says: each of its commands, as it stands there, where it is meant."""

from __future__ import annotations

import io
import itertools
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from keystone_viaduct.cli.main import main
from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystone, Keystones, SiteSpec
from keystone_viaduct.demo.leash import Leashed, Port, tail
from tests.unit.docs.pages import ROOT, Shown, commands

DEADLINE = 300.0
LOOKS = 600
VIADUCT = "keystone_viaduct.cli.main"


@dataclass(frozen=True)
class Told:
    """How a command ended, and what stands on its standard output and its standard error."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """What a person reads."""
        return self.out + self.err

    @property
    def value(self) -> Any:
        """What a program reads, of ``--format json`` and ``yaml``: what is told besides is not for it."""
        return yaml.safe_load(self.out)


class Place:
    """Where an operator works: the sites' hosts, and a folder with ``viaduct.yaml`` and ``clouds.yaml``."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        #: Where commands at sites are typed; files are carried from one host to the other by being here.
        self.host = folder / "host"
        #: Where an operator has files of his own, with an administrator's accounts.
        self.desk = folder / "desk"
        for made in (self.host, self.desk):
            made.mkdir()
        self.port = Port()
        self.keystones = Keystones(folder, [self.spec(name) for name in names])
        self.agent: Leashed | None = None
        self.clouds: dict[str, Any] = {}

    def spec(self, name: str, python: Path = Path(sys.executable)) -> SiteSpec:
        """A site as :doc:`prepare-a-site` has it configured; ``python``: of which release of Keystone."""
        own = {
            "key_repository": str(self.folder / name / "viaduct-keys"),
            "poke_url": f"http://127.0.0.1:{self.port.number}/poke",
            "key_settle_time": "0.1",
        }
        return SiteSpec(name, python=python, options={"viaduct": own})

    def add(self, name: str, python: Path = Path(sys.executable)) -> Keystone:
        """One more site, configured and nothing else."""
        site = self.keystones.sites[name] = Keystone(self.spec(name, python), self.folder / name)
        site.layout.folder.mkdir(parents=True)
        site.write_config()
        return site

    def at_site(self, name: str, words: list[str]) -> Told:
        """``viaduct`` at a site's host, with that site's configuration as the default."""
        keystone = self.keystones[name]
        done = subprocess.run(
            [str(keystone.spec.python), "-m", VIADUCT, *words],
            env={**keystone.environment, "COLUMNS": "200"},
            cwd=self.host,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        return Told(done.returncode, done.stdout, done.stderr)

    def anywhere(self, words: list[str]) -> Told:
        """``viaduct`` at an operator's desk; the agent's own commands with the agent's files."""
        out, err, before = io.StringIO(), io.StringIO(), Path.cwd()
        os.chdir(self.folder if words[0] == "agent" else self.desk)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main(words)
        finally:
            os.chdir(before)
        return Told(code, out.getvalue(), err.getvalue())

    def write_fleet(self, hub: str, *sites: str, access: str = "") -> None:
        """``viaduct.yaml`` and ``clouds.yaml`` of these sites."""
        entries = {name: {"cloud": name, **({"access": access} if access else {})} for name in sites}
        agent = {
            "listen": f"127.0.0.1:{self.port.number}",
            "poll": 1,
            "confirm": 1,
            "first_backoff": 0.1,
            "longest_backoff": 1,
            "lease": 3,
        }
        fleet = {"hub": hub, "sites": entries, "clouds": "clouds.yaml", "agent": agent}
        accounts = {self.folder: self.clouds, self.desk: {name: self.administrator(name) for name in sites}}
        for folder, clouds in accounts.items():
            (folder / "viaduct.yaml").write_text(yaml.safe_dump(fleet))
            (folder / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))

    def administrator(self, name: str) -> dict[str, Any]:
        """Who may do everything there, as clouds.yaml has it."""
        account = {"username": "admin", "password": ADMIN_PASSWORD, "user_domain_id": "default"}
        return {"auth": {"auth_url": self.keystones[name].url, "system_scope": "all", **account}}

    def start_agent(self) -> None:
        """As a service."""
        command = ["-m", "keystone_viaduct.demo.leashed", VIADUCT, "agent", "--config", "viaduct.yaml"]
        first = next(iter(self.keystones.sites.values()))
        self.agent = Leashed(
            [str(first.spec.python), *command],
            env=first.environment,
            log=self.folder / "agent.log",
            cwd=self.folder,
        )

    def stop_agent(self) -> None:
        """SIGTERM, and its end."""
        if self.agent is not None:
            self.agent.stop()
            self.agent = None

    def wait(self, done: Callable[[], bool], what: str) -> None:
        """Until it is so; counted in looks, for a busy machine is no failure."""
        pause = threading.Event()
        for _ in range(LOOKS):
            if done():
                return
            pause.wait(0.2)
        raise AssertionError(f"{what}\n{tail(self.folder / 'agent.log')}")

    def close(self) -> None:
        """End everything."""
        self.stop_agent()
        self.keystones.stop()
        self.port.release()


class Reader:
    """Reads one page. ``does`` plays a command that stands there; ``left`` are those that were not played."""

    def __init__(self, page: str, place: Place) -> None:
        found = [shown for shown in commands("viaduct") if shown.page == f"docs/how-to/{page}.md"]
        self.page = page
        self.place = place
        self.known = {shown.text for shown in found}
        self.left = {shown.text for shown in found if shown.whole}

    def does(self, text: str, at: str = "", **meant: str) -> Told:
        """Plays it at a site, or anywhere; ``meant``: what stands in it, and what is meant here."""
        assert text in self.known, f"{self.page} has no `{text}`"
        self.left.discard(text)
        quoted = {name: shlex.quote(value) for name, value in meant.items()}
        words = Shown(self.page, 0, _replaced(text, quoted), True).words[1:]
        words = _without_default(words)
        return self.place.at_site(at, words) if at else self.place.anywhere(words)

    def example(self, start: str, **meant: str) -> Any:
        """What stands in the example that begins so, as YAML."""
        lines = (ROOT / f"docs/how-to/{self.page}.md").read_text().splitlines()
        first = next(number for number, line in enumerate(lines) if line.lstrip().startswith(start))
        depth = len(lines[first]) - len(lines[first].lstrip())
        found = itertools.takewhile(lambda line: line.strip() not in ("", "```"), lines[first:])
        return yaml.safe_load(_replaced("\n".join(line[depth:] for line in found), meant))

    def leaves(self, *texts: str) -> None:
        """All others were played."""
        assert self.left == set(texts)


def _replaced(text: str, meant: Mapping[str, str]) -> str:
    for name, value in meant.items():
        assert name in text
        text = text.replace(name, value)
    return text


def _without_default(words: list[str]) -> list[str]:
    """The configuration that the pages name is each site's own here."""
    default = ["--config-file", "/etc/keystone/keystone.conf"]
    for start in range(len(words)):
        if words[start : start + 2] == default:
            return words[:start] + words[start + 2 :]
    return words
