"""A program that knows nothing of leashes."""

import os
import signal
import sys

if __name__ == "__main__":
    print("asleep", sys.argv[1], os.getpid(), flush=True)
    signal.pause()
