"""A Keystone with CockroachDB's dialect behind a stand-in."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.keystones import CommandFailed, KeystoneHome, Release, make_home
from tests.support.standin.server import StandIn

VIADUCT = ("-m", "keystone_viaduct.cli.main")
TABLES = re.compile(r"\b(FROM|INTO|UPDATE|CREATE|ALTER|DROP)\b")
WRITES = re.compile(r"\b(INTO|UPDATE|CREATE|ALTER|DROP)\b")


@dataclass(frozen=True)
class Site:
    """A configuration whose database is the stand-in's."""

    standin: StandIn
    home: KeystoneHome

    def viaduct(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Run ``viaduct`` with this configuration; raises CommandFailed with the end of Keystone's log."""
        environment = self.home.env | (environment or {})
        with self._with_log():
            return self.home.release.run("python", *VIADUCT, *arguments, env=environment, timeout=300)

    def manage(self, *arguments: str) -> str:
        """Run ``viaduct manage`` with this configuration."""
        return self.viaduct("manage", "--config-file", str(self.home.config), *arguments)

    def stock_manage(self, *arguments: str) -> str:
        """Run ``keystone-manage`` itself."""
        with self._with_log():
            return self.home.manage(*arguments)

    @contextmanager
    def _with_log(self) -> Iterator[None]:
        try:
            yield
        except CommandFailed as failure:
            log = self.home.folder / "keystone.log"
            told = log.read_text()[-8000:] if log.exists() else ""
            raise CommandFailed(f"{failure}\n{told}") from failure


def make_site(folder: Path, release: Release, standin: StandIn, extra: str = "") -> Site:
    """Nothing is in the database yet."""
    return Site(standin, make_home(folder, standin.cockroach_url, release, extra))


class Unlucky:
    """A plan: some statements and some commits are refused, the same ones for the same seed.

    ``restart`` and ``ambiguous``: how probable 40001 is for each, and 40003 for a commit; ``only``: of which
    statements.
    """

    def __init__(
        self, seed: int, restart: float, ambiguous: float = 0.0, only: re.Pattern[str] = TABLES
    ) -> None:
        self._random = random.Random(seed)
        self._restart = restart
        self._ambiguous = ambiguous
        self._only = only

    def __call__(self, sql: str) -> str | None:
        commits = sql.strip().upper() == "COMMIT"
        if not commits and not self._only.search(sql):
            return None
        lot = self._random.random()
        if lot < self._restart:
            return "40001"
        return "40003" if commits and lot < self._restart + self._ambiguous else None
