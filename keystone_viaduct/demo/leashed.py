"""Runs a module of the product as a program that ends when whoever started it has ended, however that was.

    python -m keystone_viaduct.demo.leashed MODULE argument...

What is run this way needs to know nothing of :mod:`keystone_viaduct.demo.leash`: it gets SIGTERM.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

from keystone_viaduct.demo.leash import LEASH_FD


def follow(leash: int) -> None:
    """Wait until the other end of the pipe is closed, then ask this process to end."""
    os.read(leash, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Follow the leash, if there is one, and become the module."""
    leash = os.environ.get(LEASH_FD)
    if leash:
        threading.Thread(target=follow, args=(int(leash),), name="leash", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
