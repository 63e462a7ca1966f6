"""Burns the processor's time: for each line of its input so many seconds, spread over the next second."""

from __future__ import annotations

import sys
import time

#: Seconds of work between two pauses.
SLICE = 0.01


def burn(quota: float) -> None:
    """In a second at most."""
    until, left = time.monotonic() + 1.0, min(quota, 1.0)
    pause = SLICE * (1.0 - left) / left if left > 0 else 1.0
    while left > 0 and time.monotonic() < until:
        began = time.process_time()
        while time.process_time() - began < SLICE:
            pass
        left -= SLICE
        time.sleep(max(0.0, min(pause, until - time.monotonic())))


if __name__ == "__main__":
    for line in sys.stdin:
        burn(float(line))
