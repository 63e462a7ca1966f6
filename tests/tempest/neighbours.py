"""Other sites go on working meanwhile: people come, get rights, change their names and go."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from keystoneauth1.exceptions import ClientException

from keystone_viaduct.demo.scenario.place import Place

#: Seconds from one round of work at a site to its next.
PACE = 2.0


class Neighbours:
    """A thread at each site; ``done`` counts what was acknowledged, ``failed`` what was not.

    ``label`` is in each name, so that those who worked there before have taken none of them.
    """

    def __init__(self, places: Sequence[Place], label: str) -> None:
        self._label = label
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(place,)) for place in places]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each finish what it does, and wait for that."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _work(self, place: Place) -> None:
        number = 0
        while not self._end.wait(PACE):
            number += 1
            try:
                self.done[place.name] += _round(
                    place, f"{place.name}-{self._label}-{number}", stays=number % 2 == 0
                )
            except ClientException as error:
                self.failed[f"{place.name}: {type(error).__name__}: {error}"] += 1


def _round(place: Place, name: str, stays: bool) -> int:
    """What somebody does who looks after accounts; how many requests it was."""
    api = place.admin
    role = api.get("/roles?name=reader")["roles"][0]["id"]
    project = api.post("/projects", project={"name": name, "domain_id": "default", "tags": [name]})["id"]
    user = api.post("/users", user={"name": name, "domain_id": "default", "password": name})["id"]
    group = api.post("/groups", group={"name": name, "domain_id": "default"})["id"]
    api.put(f"/groups/{group}/users/{user}")
    api.put(f"/projects/{project}/groups/{group}/roles/{role}")
    api.patch(f"/users/{user}", user={"name": f"{name}-renamed", "description": name})
    if stays:
        return 7
    api.delete(f"/groups/{group}")
    api.delete(f"/projects/{project}")
    return 9


@contextmanager
def working(places: Sequence[Place], label: str) -> Iterator[Neighbours]:
    """They work for as long as the ``with``."""
    found = Neighbours(places, label)
    found.start()
    try:
        yield found
    finally:
        found.stop()
