"""The tables of docs/explanation/security.md, compared with the code and the tests: neither grows alone."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from keystone_viaduct.kinds.hashing import Hashing
from keystone_viaduct.sync import knowledge
from keystone_viaduct.sync.agent import agent, bounded, lane, post, workers
from keystone_viaduct.sync.agent.topology import AgentSettings
from keystone_viaduct.sync.api import admission, callers
from keystone_viaduct.sync.client import login
from keystone_viaduct.sync.link import compare, replicator
from keystone_viaduct.sync.site import isolating, judging, proof, refusals
from keystone_viaduct.sync.wire import limits

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "security.md"
#: Constants of the modules below that bound nothing that another site costs, or stand on another page.
OTHERS = {
    (agent, "ROUNDS"): "of `viaduct agent --once`",
    (agent, "SIDE_BY_SIDE"): "of `viaduct agent --once` and of first loads",
    (agent, "PATIENCE"): "of `login`",
    (lane, "ITSELF"): "how often a direction looks for itself, where another asks for all",
    (lane, "QUIET"): "how often something is logged",
    (login, "SPARE"): "when a token is renewed",
    (admission, "LOOK"): "how often it is looked whether a full spoke is over its budget",
    (login, "PATIENCE"): "of one attempt, within LONGEST",
    (refusals, "COMPARED"): "how far equal refusals are looked for",
}
_used: set[tuple[ModuleType, str]] = set(OTHERS)


def of(module: ModuleType, name: str) -> int:
    """A constant of the code, as a number."""
    _used.add((module, name))
    return int(getattr(module, name))


def seconds(module: ModuleType, name: str) -> float:
    """The same, of what may be a part of one."""
    _used.add((module, name))
    return float(getattr(module, name))


def mib(size: int) -> str:
    """Bytes, for a reader."""
    return f"{size >> 20} MiB" if size >> 20 else f"{size >> 10} KiB"


def size(name: str) -> str:
    """One of the sizes on the wire."""
    return mib(of(limits, name))


HASHES, TIMES, FULL = Hashing(), AgentSettings(), admission.FULL
BUDGETS = {
    "a page, transferred and opened": f"{size('BODY')}, {size('BODY_OPEN')}",
    f"any body that opens to more than {size('EXPANDED')}": (
        f"{of(limits, 'EXPANSION')} times what was transferred"
    ),
    "values in a body": f"{of(limits, 'NODES'):,}",
    "changes in a page": f"{of(limits, 'PAGE_CHANGES'):,}",
    "a record that is larger than a page": f"{of(limits, 'PARTS')} parts of {size('PART')}",
    "any other request": size("SMALL_BODY"),
    "a list, opened; any other answer; an error": (
        f"{size('LIST_OPEN')}, {size('ANSWER_OPEN')}, {size('ERROR_OPEN')}"
    ),
    "a poke, and its page opened": f"{size('POKE')}, {size('POKE_OPEN')}",
    "one call of the agent, as a whole": f"`agent.total_timeout`, {TIMES.total_timeout:g} s",
    "a log-in of the agent": f"{of(login, 'LONGEST')} s, one at a time",
    "one site in the search for the hub": f"{of(post, 'PATIENCE')} s",
    "how long a page may keep its target busy": f"{replicator.SLOW:g} s",
    "how much of the hub's time pages of one limited spoke take, where one takes more than "
    f"{seconds(lane, 'UNNOTICED'):g} s": f"1/{of(lane, 'SHARE')}",
    "starting over with a site": f"{of(lane, 'VAIN')} times in {of(lane, 'WITHIN') // 60} minutes",
    "how long a site may ask the agent to wait": f"`agent.longest_backoff`, {TIMES.longest_backoff:g} s",
    "changes of a limited spoke": (
        f"{of(admission, 'RATE')} per second and worker process, {of(admission, 'BURST')} s of them at once; "
        f"a page counts as {of(admission, 'LEAST')} at least, "
        f"a change that is refused as {of(admission, 'REFUSED')}"
    ),
    "changes of a limited spoke that wait": (
        f"{of(admission, 'MOST_WAITING'):,}, and {mib(of(admission, 'MOST_WAITING_BYTES'))}"
    ),
    "changes of a full spoke": (
        f"{of(admission, 'FULL') * of(admission, 'RATE'):,} per second and worker process; a change that is "
        f"put back or listed counts as {of(admission, 'CROWDED')}"
    ),
    "changes of a full spoke that wait; conflicts from there that nobody has looked at": (
        f"{FULL * admission.MOST_WAITING:,}, and {mib(FULL * admission.MOST_WAITING_BYTES)}; "
        f"{of(admission, 'MOST_LISTED'):,}"
    ),
    "what was refused to a limited spoke and nobody has looked at": (
        f"{of(refusals, 'MOST_REFUSED'):,} rows, and {mib(of(refusals, 'MOST_REFUSED_BYTES'))}; "
        "equal ones count once"
    ),
    "what was judged again and nobody has looked at": f"{of(judging, 'MOST_UNSEEN'):,} rows",
    "records of which a limited spoke says that it lacks a part of what it knows": (
        f"all limited spokes together {of(knowledge, 'MOST_EXCEPTIONS') // 2}"
    ),
    "lives that nobody has met, which a limited spoke names": (
        f"{of(proof, 'STRANGE')} of its own, and so many of others, with all its records together"
    ),
    "records that a site lists in one comparison": f"{of(compare, 'MOST_LISTED'):,}",
    "records that are put aside in one call": f"{of(isolating, 'MOST')}",
    "how far ahead a stamp may lie": f"{of(proof, 'FARTHEST') // 3_600_000_000} hours",
    "what checking a password may cost": (
        f"bcrypt {HASHES.bcrypt}, scrypt {HASHES.scrypt}, pbkdf2 {HASHES.pbkdf2:,}, or the hub's own setting"
    ),
    "pokes of a site; and those that some other site may have sent": (
        f"{of(agent, 'POKES')} per second each, {of(agent, 'AT_ONCE')} at once"
    ),
    "steps for which nothing speaks but such pokes": (
        {1: "one per second and direction"}[of(agent, "HINTED")]
        + f", {of(agent, 'HINTED_STEPS')} per second of all that read one site"
    ),
    "pages that pokes have brought and that wait": f"{of(lane, 'INBOX')} of a site",
    "connections to the agent's port": (
        f"{of(bounded, 'CONNECTIONS'):,}, and {of(bounded, 'FROM_ONE')} of one address"
    ),
    "steps of the agent that hang": (
        f"2 of a site; {of(workers, 'AT_ONCE')} others get on, as long as there are no more than "
        f"{of(workers, 'MOST')} threads"
    ),
    "callers of the API who are remembered": f"{of(callers, 'MOST')} per worker process",
}


def rows(title: str) -> dict[str, list[str]]:
    """The rows of a section's table, by their first cell."""
    section = PAGE.read_text().partition(f"## {title}")[2].partition("\n## ")[0]
    cells = [re.split(r"\s*\|\s*", line.strip("| ")) for line in section.splitlines() if line[:2] == "| "]
    return {first: rest for first, *rest in cells[2:]}


def test_the_table_says_of_each_budget_what_the_code_says() -> None:
    assert {what: much for what, (much, _) in rows("Budgets").items()} == BUDGETS
    assert all(beyond for _, beyond in rows("Budgets").values())


def test_each_row_of_what_was_seen_has_a_test_that_plays_it_again() -> None:
    files = {"R": "test_replay.py", "A": "test_replay_agent.py"}
    texts = {short: (ROOT / "tests/integration/api" / file).read_text() for short, file in files.items()}
    found = rows("What was seen")
    assert list(found) == [str(number) for number in range(2, 14)]
    for number, (*_, test) in found.items():
        short, name = test.split()
        assert name == f"`row_{number}`" and f"\ndef test_row_{number}_" in texts[short]


@pytest.mark.parametrize(
    "module", [agent, bounded, lane, post, admission, callers, login, isolating, proof, refusals]
)
def test_no_bound_of_what_a_site_may_cost_is_missing_in_the_table(module: ModuleType) -> None:
    named = {
        name
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and type(value) in (int, float)
    }
    known = {name for found, name in _used if found is module}
    assert named - {"MICROSECONDS"} - known == set(), "give each a row, or a reason in OTHERS"
    assert known - named == set()
