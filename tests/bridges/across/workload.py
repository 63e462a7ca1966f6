"""Plays cases on moves: after each act what was marked is settled, and both tables are judged."""

from __future__ import annotations

import random
from collections.abc import Iterator

import sqlalchemy as sa

from tests.bridges.across.declared import Moved
from tests.bridges.across.judge import Judge
from tests.bridges.across.statements import Generator
from tests.bridges.across.subject import Subject
from tests.bridges.workload import Outcome, connect

ACTS = 8


def play(url: str, moved: Moved, *, cases: int, seed: int) -> Outcome:
    """Play cases of one move on one database."""
    outcome = Outcome()
    with connect(url) as connection:
        subject, judge = Subject(url, connection, moved.move), Judge(moved.move)
        for case in range(cases):
            chance = random.Random(f"{seed}/{moved.operation}/{case}")
            subject.begin(keys=chance.random() < 0.5)
            outcome.cases += 1
            for problem in _case(subject, judge, Generator(moved, chance, subject.engine), outcome):
                if len(outcome.stories) < 3:
                    outcome.stories.append(f"{moved.operation}, seed {seed}, case {case}: {problem}")
                break
    return outcome


def _case(subject: Subject, judge: Judge, generator: Generator, outcome: Outcome) -> Iterator[str]:
    before = subject.told()
    for _ in range(ACTS):
        act = generator.next()
        meant = subject.alone_does(act, before)
        outcome.statements += 1
        try:
            subject.play(act)
        except sa.exc.DBAPIError as error:
            outcome.failed += 1
            if meant is not None:
                outcome.errors += 1
                yield f"{act.title}\n  on {before}\n  fails with {error.orig}"
        outcome.marked += subject.settle()
        found = subject.told()
        wrong = list(judge.consistent(found) if meant is None else judge.problems(act, before, meant, found))
        if wrong:
            outcome.inconsistent += 1
            said = "\n  ".join(wrong)
            yield f"{act.title}\n  on {before}\n  leaves {found}\n  meant {meant}\n  {said}"
        before = found
