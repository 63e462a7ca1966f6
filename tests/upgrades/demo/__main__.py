"""``make upgrade-demo ENGINE=postgresql``: a rolling upgrade of real Keystones, 24 to 25, under load.

Upstream's own expand and contract scripts, and ``user.enabled`` that becomes a status of three values, known
to a copy of release 25 with that one column of its model changed. First to contract; then once more, and
back after both releases have written. The last line is ``requests=N failed=0 lost=0 deadlocks=D``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from keystone_viaduct.errors import ViaductError
from tests.support import patched
from tests.support.keystones import ROOT
from tests.support.servers import MissingServer
from tests.upgrades.demo.ground import ENGINES, ground
from tests.upgrades.demo.show import Show
from tests.upgrades.demo.story import ROUNDS, Releases, Size, play


def main() -> int:
    """Play and report; 1 when anything failed or was lost, 2 when it can't be played here."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=ENGINES, default="postgresql")
    parser.add_argument("--requests", type=int, default=3000, help="at least so many in both rounds")
    parser.add_argument("--round", action="append", choices=ROUNDS, help="only this one")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--pace", type=float, default=0.1, help="seconds between two requests of a client")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--keep", action="store_true", help="leave the folder of the Keystones")
    args = parser.parse_args()
    size = Size(args.requests, args.clients, args.seed, args.pace)
    show = Show(args.engine)
    folder = Path(tempfile.mkdtemp(prefix="viaduct-upgrade-"))
    try:
        with ground(args.engine) as place:
            play(show, place, releases(folder), folder, size, args.round or ROUNDS)
    except MissingServer as missing:
        print(missing, file=sys.stderr)
        return 2
    except (AssertionError, ViaductError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        if args.json:
            show.write(args.json)
        if args.keep:
            print(f"the Keystones' folders: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(show.verdict(), flush=True)
    return 0 if show.good else 1


def releases(folder: Path) -> Releases:
    """Environments 24 and 25, and the copy of 25 with a status. Raises MissingServer."""
    old, new = (ROOT / ".venvs" / name / "bin" / "python" for name in ("24", "25"))
    for python in (old, new):
        if not python.exists():
            raise MissingServer(f"{python} is missing: `make venv-{python.parts[-3]}`")
    status = folder / "status"
    patched.give_users_a_status(patched.copy_of(new, status))
    return Releases(old, new, status)


if __name__ == "__main__":
    sys.exit(main())
