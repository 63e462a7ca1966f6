"""What a site's pokes show of it on the road, and to an agent that does not understand them."""

from __future__ import annotations

import threading

import httpx
import pytest
from oslo_config import cfg

from keystone_viaduct.sync.api import options
from keystone_viaduct.sync.api import poke as sending
from keystone_viaduct.sync.api.poke import News, Outcome, PokeWorker
from keystone_viaduct.sync.model import Checkpoint
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.wire import poke

FLEET, OWN = "ab" * 32, "33" * 32
PAGE = b'{"source": "west", "changes": ["secret names"]}'
NEWS = News("west", 9, FLEET, OWN, PAGE, None, Checkpoint("a", 9, "the-batch"))


class Told(PokeWorker):
    """A worker with these news and an agent that answers so."""

    def __init__(self, status: int) -> None:
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf([], default_config_files=[])
        conf.set_override("poke_url", "http://agent/poke", group="viaduct")
        super().__init__(lambda: pytest.fail("nobody asks the service"), options.sync_settings(conf))
        self.sent: list[httpx.Request] = []
        self._status = status

    def news(self) -> News:
        return NEWS

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(self._status if request.content else 202)

    def tell(self) -> list[httpx.Request]:
        """One poke; the requests that it took."""
        with httpx.Client(transport=httpx.MockTransport(self._answer)) as client:
            self.once(client)
        return self.sent


def test_a_poke_shows_nothing_of_its_page_on_the_road_and_the_agent_reads_it() -> None:
    (request,) = Told(202).tell()
    shown = request.content + repr(request.headers.raw).encode()
    assert b"secret names" not in shown and b"the-batch" not in shown
    names = (poke.SIGNATURE, poke.PROOF, poke.PACKED)
    found = poke.Poke("west", 9, request.content, *(request.headers[name] for name in names))
    assert found.is_of_the_fleet(FLEET) and found.is_the_sites(OWN)
    assert found.opened(OWN) == (PAGE, None)


@pytest.mark.parametrize("status", [400, 413, 415])
def test_an_agent_that_does_not_understand_the_page_is_woken_all_the_same(status: int) -> None:
    with_page, bare = Told(status).tell()
    assert with_page.content and not bare.content
    assert poke.is_genuine(FLEET, "west", 9, b"", bare.headers[poke.SIGNATURE])


def test_two_sites_and_two_rings_have_two_keys_of_pokes_and_a_ring_has_one() -> None:
    ring = KeyRing.generate()
    assert ring.derived("poke") == ring.derived("poke") != ring.derived("other")
    assert ring.derived("poke") != KeyRing.generate().derived("poke")


class Away(Told):
    """The same, whose first so many attempts fail."""

    def __init__(self, failing: int) -> None:
        super().__init__(202)
        self._left = threading.Semaphore(0)
        self._failing = failing

    def once(self, client: httpx.Client) -> Outcome:
        self._failing -= 1
        self._left.release()
        return Outcome.FAILED if self._failing >= 0 else Outcome.SENT

    def tried(self, times: int) -> bool:
        """Whether it tries so often before long."""
        return all(self._left.acquire(timeout=20) for _ in range(times))


def test_an_edit_is_told_again_though_the_agent_heard_of_none_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "AGAIN", (0.01, 0.01, 0.01))
    worker = Away(failing=4 + 3)
    worker.wake()
    assert worker.tried(4), "an edit that nobody hears of"
    worker.wake()
    assert worker.tried(4), "the next one is told to an agent that is slow to answer"
