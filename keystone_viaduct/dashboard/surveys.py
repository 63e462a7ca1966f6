"""Questions to all sites about one record, which go on while the page that shows them is looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from keystone_viaduct.dashboard.access import Person
from keystone_viaduct.dashboard.view.survey import Answer
from keystone_viaduct.errors import TooFast
from keystone_viaduct.sync.model import Ref

#: Seconds for which answers are shown again without asking anew; surveys kept, and under way at once.
FRESH, KEPT, AT_ONCE = 30.0, 32, 4

AskAll = Callable[[Person, Ref, Callable[[Answer], None]], None]


@dataclass
class Asking:
    """One of them; ``done``: every site was asked."""

    began: float
    answers: list[Answer] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


class Surveys:
    """Each person sees the answers that he got with his own account only."""

    def __init__(self, ask_all: AskAll, clock: Callable[[], float]) -> None:
        self._ask_all = ask_all
        self._clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, Ref], Asking] = OrderedDict()
        self.number = 0

    def of(self, session: str, person: Person, ref: Ref, wait: float = 0.0) -> Asking:
        """The answers so far; asks where nobody has for a while. Raises TooFast.

        ``wait``: seconds to wait for the end, so that a small fleet is shown at once.
        """
        name, now = (session, ref), self._clock()
        with self._lock:
            found = self._held.get(name)
            if found is None or (found.done.is_set() and now - found.began > FRESH):
                busy = sum(not one.done.is_set() for one in self._held.values())
                if busy >= AT_ONCE:
                    raise TooFast("several searches are under way", hint="try again in a while", wait=5.0)
                found = self._held[name] = Asking(now)
                self._held.move_to_end(name)
                while len(self._held) > KEPT:
                    self._held.popitem(last=False)
                threading.Thread(
                    target=self._ask, args=(found, person, ref), name="survey", daemon=True
                ).start()
        found.done.wait(wait)
        return found

    def _ask(self, asking: Asking, person: Person, ref: Ref) -> None:
        def told(answer: Answer) -> None:
            asking.answers.append(answer)
            self.number += 1

        try:
            self._ask_all(person, ref, told)
        finally:
            asking.done.set()
            self.number += 1
