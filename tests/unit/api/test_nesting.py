"""What lies deep in each other: room for all that travels, and no more of it is taken."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from keystone_viaduct.kinds.deepjson import DEPTH, decode, encode
from keystone_viaduct.sync.api.frontdoor import PATH
from keystone_viaduct.sync.api.nesting import CALLS, MOST, Nesting, is_too_deep, make_room

LONGEST = 100_000


def nested(depth: int, text: str = "[") -> bytes:
    """Lists or objects in each other."""
    opened, closed = ("[", "]") if text == "[" else ('{"d":', "}")
    return (opened * depth + "1" + closed * depth).encode()


def answer(
    body: bytes, method: str = "POST", path: str = "/v3/services", **environ: Any
) -> tuple[str, bytes]:
    """The status, and what Keystone was given to read."""
    read: list[bytes] = []
    told: list[str] = []

    def keystone(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("201 Created", [])
        read.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or -1)))
        return []

    given = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO(body)}
    given |= {"CONTENT_LENGTH": str(len(body)), **environ}
    list(Nesting(keystone, LONGEST)(given, lambda status, headers: told.append(status)))
    return told[0][:3], read[0] if read else b""


@pytest.mark.parametrize("mark", ["[", "{"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_travels_is_taken_and_what_is_one_deeper_is_refused(mark: str, method: str) -> None:
    assert encode(decode(nested(DEPTH).decode()))
    assert answer(nested(MOST, mark), method) == ("201", nested(MOST, mark))
    assert answer(nested(MOST + 1, mark), method) == ("400", b"")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_in_whatever_encoding_keystone_reads(encoding: str) -> None:
    assert is_too_deep(nested(MOST + 1).decode().encode(encoding))
    assert not is_too_deep(nested(MOST).decode().encode(encoding))


def test_brackets_in_texts_and_side_by_side_do_not_count() -> None:
    beside = json.dumps({"a": [[]] * 5000, "b": "[" * 5000, "c": '\\"' + "{" * 5000}).encode()
    assert answer(beside) == ("201", beside)


@pytest.mark.parametrize("body", [b'"' + b'\\"[' * 30_000, b"\xff\xfe[" * 9000, b'["' * 2000])
def test_what_is_no_json_is_left_to_keystone_soon(body: bytes) -> None:
    assert answer(body) == ("201", body)


def test_bodies_without_a_length_are_read_to_their_bound() -> None:
    streamed: dict[str, Any] = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    assert answer(nested(MOST + 1), **streamed) == ("400", b"")
    assert answer(nested(5), **streamed) == ("201", nested(5))
    assert answer(b" " * (LONGEST + 50), **streamed) == ("201", b" " * (LONGEST + 1))


def test_reading_our_own_api_and_what_keystone_refuses_for_its_size_is_no_concern_of_it() -> None:
    deep = nested(MOST + 1)
    assert answer(deep, "GET")[0] == "201"
    assert answer(deep, path=f"{PATH}/pages")[0] == "201"
    assert answer(deep, CONTENT_TYPE="text/xml")[0] == "201"
    assert answer(deep, CONTENT_TYPE="application/json; charset=utf-8")[0] == "400"
    assert answer(nested(LONGEST))[0] == "201"


def test_there_is_room_for_copying_what_is_deepest() -> None:
    before = sys.getrecursionlimit()
    try:
        make_room()
        assert sys.getrecursionlimit() >= CALLS
        sys.setrecursionlimit(CALLS + 5)
        make_room()
        assert sys.getrecursionlimit() == CALLS + 5, "more than that is left alone"
    finally:
        sys.setrecursionlimit(before)
