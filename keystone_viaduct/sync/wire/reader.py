"""A process that reads large bodies for another one: ``python -m keystone_viaduct.sync.wire.reader``.

Python runs one thread at a time, and its JSON parser lets no other one in until it is done: with a body of a
million values that is a quarter of a second and more, in which an agent would do nothing for anybody. What is
asked and answered goes by standard input and output, pickled: both ends are ours, and of what a site has sent
only bytes go in. It ends when its input ends.
"""

from __future__ import annotations

import pickle
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from keystone_viaduct.errors import ViaductError

#: ``(function, arguments)``: what is to be called here. The answer: what it gives, or the error it raises.
Asked = tuple[Callable[..., Any], tuple[Any, ...]]


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until there is no more to read."""
    while True:
        try:
            function, arguments = pickle.load(source)
        except EOFError:
            return
        pickle.dump(_answer(function, arguments), sink, pickle.HIGHEST_PROTOCOL)
        sink.flush()


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, function(*arguments)
    except ViaductError as error:
        return False, error


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who has started this, whose end ends it
    serve(sys.stdin.buffer, sys.stdout.buffer)
