"""How the agent logs."""

from __future__ import annotations

import json
import logging

from keystone_viaduct.cli._logging import JsonFormatter, _RequestId
from keystone_viaduct.sync.wire import requestid


def logged(message: str, error: BaseException | None = None) -> dict[str, str]:
    info = (type(error), error, None) if error is not None else None
    record = logging.LogRecord("viaduct", logging.WARNING, __file__, 1, message, (), info)
    assert _RequestId().filter(record)
    found: dict[str, str] = json.loads(JsonFormatter().format(record))
    return found


def test_an_object_a_line_with_the_id_of_the_request() -> None:
    with requestid.under(found := requestid.made()):
        told = logged("first\nsecond")
    assert (told["request_id"], told["message"], told["level"]) == (found, "first\nsecond", "WARNING")
    assert logged("x")["request_id"] == "-"


def test_an_exception_is_told_with_its_traceback() -> None:
    assert "ValueError: broken" in logged("x", ValueError("broken"))["exception"]
