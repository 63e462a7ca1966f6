"""The two rounds: forward to contract, and back again after both releases have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.upgrades.demo.balancer import Balancer, Endpoint
from tests.upgrades.demo.ground import NEW, OLD, Ground
from tests.upgrades.demo.load import Load, Person
from tests.upgrades.demo.show import Round, Show, Step
from tests.upgrades.demo.site import SLEEPER, SLEEPERS, Site

#: Steps of a round after which so many requests more are waited for.
_PAUSES = 8
ROUNDS = ("forward", "back")
#: Characters of a statement.
_SHOWN = 100


@dataclass(frozen=True)
class Size:
    """How much is played: requests in all, clients at once, the seed of what they do, and their pauses."""

    requests: int
    clients: int
    seed: int
    pace: float

    @property
    def after_each_step(self) -> int:
        """So that all steps of both rounds have enough."""
        return -(-self.requests // (2 * _PAUSES))


@dataclass(frozen=True)
class Releases:
    """Pythons of both releases, and the folder with the new one's changed package."""

    old: Path
    new: Path
    status: Path


class Play:
    """One round on a database of its own."""

    def __init__(self, show: Show, site: Site, size: Size) -> None:
        self._show = show
        self._site = site
        self._size = size
        self._balancer = Balancer()
        self._round: Round = show.rounds[-1]
        self._servers: list[Endpoint] = []
        self._load: Load | None = None
        self._token = ""

    def play(self, *, back: bool) -> None:
        """From two old servers to the end."""
        before = self._site.ground.deadlocks(self._site.database)
        try:
            self._begin()
            self._expand_to_verify()
            if back:
                self._both_and_back()
            else:
                self._replace_and_contract()
        finally:
            if self._load is not None:
                self._load.stop()
            self._round.deadlocks = self._site.ground.deadlocks(self._site.database) - before
        self._judge(back=back)

    def _begin(self) -> None:
        with self._show.step("two old servers") as step:
            self._site.prepare()
            for number in (1, 2):
                self._add(OLD, number)
            self._token = token = self._site.token(self._servers[0])
            size = self._size
            self._load = Load(
                self._balancer, self._round.tally, token, clients=size.clients, seed=size.seed, pace=size.pace
            )
            self._load.start()
            self._pause()
            step.remarks.append(
                f"{SLEEPERS} users that nobody touches; {size.clients} clients that never stop"
            )

    def _pause(self) -> None:
        self._round.tally.wait_for(self._size.after_each_step)

    def _add(self, release: str, number: int) -> None:
        endpoint = self._site.serve(release, number)
        self._servers.append(endpoint)
        self._balancer.add(endpoint)

    def _replace(self, endpoint: Endpoint, release: str, number: int) -> None:
        """The next one first; the one before gets no more requests, answers those that it has, and ends."""
        self._add(release, number)
        self._balancer.remove(endpoint)
        self._servers.remove(endpoint)
        self._site.end(endpoint)

    def _both(self, step: Step) -> None:
        """One new server beside an old one; a user gets what only the new release can say."""
        self._replace(self._servers[0], NEW, 1)
        self._site.lock_sleeper(self._servers[-1], self._token)
        step.remarks.append(f"{SLEEPER} is locked by the new release")
        self._pause()

    def _expand_to_verify(self) -> None:
        with self._show.step("plan") as step:
            printed = self._site.upgrade("plan", says="ADD COLUMN schema_version")
            step.remarks += [line.strip() for line in printed if line.startswith("  ") and "COLUMN" in line]
        with self._show.step("expand") as step:
            printed = self._site.upgrade("expand", says="is expanded")
            step.remarks += _done(printed)
            self._must(step, {"schema_version"} <= self._site.columns("mapping"), "25's script has run")
            self._pause()
        with self._show.step("migrate") as step:
            step.remarks += self._site.upgrade("migrate", says="is migrated")[-2:]
            self._must(step, not self._site.marked_sleepers(), "the backfill has marked nobody to be sent")
            self._must(step, not self._site.capture_problems(), "doctor finds capture as it should be")
            self._pause()
        with self._show.step("verify"):
            self._site.upgrade("verify", says="the new release may be started")
            self._pause()

    def _replace_and_contract(self) -> None:
        with self._show.step("one old, one new") as step:
            self._both(step)
            said = f"the old release still runs: {OLD}"  # its workers have told it
            step.remarks += _with(said, self._site.upgrade("contract", code=2, says=said))
        with self._show.step("two new servers"):
            self._replace(self._servers[0], NEW, 2)
            self._pause()
        with self._show.step("contract") as step:
            evidence = self._site.ground.evidence(self._site.database)
            printed = self._site.upgrade("contract", *evidence, says="is contracted")
            step.remarks += _done(printed)
            columns = self._site.columns("user")
            self._must(step, "enabled" not in columns and "status" in columns, "the old column is gone")
            self._pause()
        with self._show.step("the new release alone") as step:
            self._must(step, not self._site.capture_problems(), "doctor finds capture as it should be")
            self._pause()

    def _both_and_back(self) -> None:
        with self._show.step("one old, one new") as step:
            self._both(step)
            self._pause()
        with self._show.step("two old servers again"):
            self._replace(self._servers[-1], OLD, 3)
            self._pause()
        with self._show.step("rollback") as step:
            said = "only the new columns can hold"
            step.remarks += _with(said, self._site.upgrade("rollback", code=2, says=said))
            printed = self._site.upgrade("rollback", "--accept-loss", says="is rolled-back")
            step.remarks += _done(printed)
            columns = self._site.columns("user")
            self._must(step, "status" not in columns and "enabled" in columns, "the new column is gone")
            self._pause()
        with self._show.step("the old release as before") as step:
            self._must(step, not self._site.capture_problems(), "doctor finds capture as it should be")
            self._pause()

    def _must(self, step: Step, holds: bool, what: str) -> None:
        if not holds:
            raise AssertionError(f"not so: {what}")
        step.remarks.append(what)

    def _judge(self, *, back: bool) -> None:
        """By SQL of its own: each user as the last acknowledged request has left it."""
        assert self._load is not None
        with self._show.step("the judge, by SQL") as step:
            found = self._site.users()
            sleeper = Person(SLEEPER, SLEEPER, "", "locked", "")
            for person in (sleeper, *self._load.people):
                row = found.get(person.id)
                shown = None if row is None else bool(row["enabled"]) if back else row["status"]
                wanted = person.enabled if back else person.status
                if shown != wanted:
                    self._round.tally.lose(f"{person.name} has {shown}, and should have {wanted}")
            step.remarks.append(f"{len(self._load.people)} users compared")


def _with(said: str, printed: Sequence[str]) -> list[str]:
    """The line that says it."""
    return [line for line in printed if said in line]


def _done(printed: Sequence[str]) -> list[str]:
    """The statements that were run, by their first lines, and the end."""
    return [
        f"{line[:100]} …" if len(line) > 100 else line
        for line in printed
        if line.startswith("done:") or " is " in line
    ]


def play(
    show: Show, ground: Ground, releases: Releases, folder: Path, size: Size, rounds: Sequence[str] = ROUNDS
) -> None:
    """One round after the other."""
    for name in rounds:
        back = name == "back"
        show.round("back after both have written" if back else "forward to contract")
        place = folder / name
        with Site(ground, place, releases.old, releases.new, releases.status) as site:
            Play(show, site, size).play(back=back)
