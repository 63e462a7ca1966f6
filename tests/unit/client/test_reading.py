"""Large bodies are read in a process of their own; what is made of them is the same."""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import httpx
import pytest

from keystone_viaduct.errors import BadRequest, SiteUnavailable, TooLarge, ViaductError
from keystone_viaduct.sync.client import HttpSite, reading
from keystone_viaduct.sync.client.reading import HERE, Reader, read_json, read_page
from keystone_viaduct.sync.model import Bucket, Checkpoint, Page, Version
from keystone_viaduct.sync.sealing import KeyRing, PageSealer
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.carried import carry
from keystone_viaduct.sync.wire.page import page_to_json
from tests.unit.client.test_transport import Wire

PATIENCE = 20.0
_SEALER = PageSealer(KeyRing.generate().public_key)
EMPTY = Page("west", 1, None, Checkpoint("west-1", 7, "n"), True, Version(), ())
TOLD = page_to_json(EMPTY, _SEALER.header, _SEALER.seal)
SMALL = body.dumps(TOLD)
LARGE = SMALL + b" " * HERE


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """One without a process yet."""
    made = Reader()
    monkeypatch.setattr(reading, "READER", made)
    yield made
    made.close()


def packed(data: bytes) -> tuple[bytes, str | None]:
    return body.compress(data, "zstd")


def error_of(data: bytes, encoding: str | None) -> ViaductError:
    with pytest.raises(ViaductError) as caught:
        read_page(data, encoding)
    return caught.value


def test_a_small_page_needs_no_process(reader: Reader) -> None:
    for data, encoding in ((SMALL, None), packed(SMALL)):
        assert read_page(data, encoding) == carry(data, encoding)
    assert read_json(b"", None) is None and read_json(b"[1]", None) == [1]
    assert reader.pid is None


@pytest.mark.parametrize("encoding", [None, "zstd"])
def test_a_large_one_comes_back_as_if_it_were_read_here(reader: Reader, encoding: str | None) -> None:
    data = body.compress(LARGE, encoding)[0]
    found = read_page(data, encoding)
    assert found == carry(data, encoding) and found.data == data
    assert read_json(LARGE, None, limits.LIST_OPEN) == body.loads(SMALL)
    assert reader.pid is not None


@pytest.mark.parametrize(
    "opened",
    [
        b'{"changes": [' + b"[]," * (limits.NODES // 2 - 100) + b"[]]}",
        b"[" + b"0," * (limits.NODES + 1) + b"0]",
        b"{" + b" " * HERE,
        LARGE.replace(b'"term":1', b'"term":"x"'),
        b"[" + b" " * (limits.BODY_OPEN + 1) + b"]",
    ],
    ids=["changes", "values", "no JSON", "form", "bytes"],
)
def test_what_is_refused_is_refused_in_the_same_words(reader: Reader, opened: bytes) -> None:
    with pytest.raises(BadRequest) as here:
        carry(opened, None)
    there = error_of(opened, None)
    assert type(there) is type(here.value)
    assert (str(there), there.fields) == (str(here.value), here.value.fields)


def test_a_body_that_is_garbled_or_that_may_not_be_large_is_refused_here(reader: Reader) -> None:
    assert isinstance(error_of(b"no zstd" * HERE, "zstd"), BadRequest)
    with pytest.raises(TooLarge):
        read_json(*packed(b"[" + b" " * limits.ERROR_OPEN + b"]"), limits.ERROR_OPEN)
    with pytest.raises(TooLarge):
        read_page(*packed(b"[" + b" " * limits.POKE_OPEN + b"]"), limits.POKE_OPEN)
    assert reader.pid is None


def test_small_ones_do_not_wait_for_a_large_one(reader: Reader, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    held = threading.Thread(target=reader.call, args=(Path.read_text, tmp_path / "held"), daemon=True)
    held.start()
    with (tmp_path / "held").open("w"):  # the other process is at it
        assert read_page(SMALL, None) == carry(SMALL, None)
        assert held.is_alive()
    held.join(PATIENCE)
    assert not held.is_alive()


def test_a_process_that_does_not_survive_a_body_costs_that_body_only(reader: Reader) -> None:
    assert reader.call(abs, -1) == 1
    first = reader.pid
    with pytest.raises(SiteUnavailable, match="process that reads it has ended"):
        reader.call(signal.raise_signal, signal.SIGKILL)
    assert read_page(LARGE, None) == carry(LARGE, None)
    assert reader.pid not in (None, first)


def test_one_that_was_killed_meanwhile_is_started_again(reader: Reader) -> None:
    pid = reader.call(os.getpid)
    gone = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([gone], [], [], PATIENCE)[0]
    os.close(gone)
    assert reader.call(os.getpid) != pid


def test_it_ends_with_the_process_that_it_reads_for() -> None:
    program = (
        "import os, sys; from keystone_viaduct.sync.client.reading import READER;"
        "print(READER.call(os.getpid), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        gone = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    assert select.select([gone], [], [], PATIENCE)[0]
    os.close(gone)


LISTS: dict[str, Callable[[HttpSite], object]] = {
    "standing": lambda site: site.standing("east"),
    "summary": lambda site: site.summary("east", None),
    "listing": lambda site: site.listing("east", [Bucket("user", "")]),
    "waiting": lambda site: site.waiting(),
    "choices": lambda site: site.choices("east"),
    "charter": lambda site: site.charter(),
    "conflicts": lambda site: site.conflicts(),
}


@pytest.mark.parametrize("ask", LISTS.values(), ids=list(LISTS))
def test_of_a_long_answer_that_is_no_such_list_nothing_comes_back(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, ask: Callable[[HttpSite], object]
) -> None:
    full = b'{"changes": [' + b"[]," * (limits.NODES // 2 - 100) + b"[]]}"
    came: list[bytes] = []

    def load(source: BinaryIO) -> Any:
        found = pickle.load(source)
        came.append(pickle.dumps(found))
        return found

    monkeypatch.setattr(reading, "pickle", SimpleNamespace(**{**vars(pickle), "load": load}))
    with suppress(SiteUnavailable):  # as a charter it can be read: one that says nothing
        ask(Wire(lambda _: httpx.Response(200, content=full)).site)
    assert [len(data) < 4096 for data in came] == [True]
