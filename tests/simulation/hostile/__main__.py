"""``python -m tests.simulation.hostile``: the catalogue as a table; exit status 1 if an attempt was
accepted.
"""

from __future__ import annotations

import sys

from tests.simulation.hostile.catalogue import ATTEMPTS
from tests.simulation.hostile.derived import DERIVED
from tests.simulation.hostile.later import LATER


def main() -> int:
    """Play all of them; the last line sums up."""
    accepted = failed = 0
    everything = (*ATTEMPTS, *DERIVED, *LATER)
    for number, attempt in enumerate(everything, 1):
        found = attempt.run()
        accepted += found.accepted
        failed += not found.twin
        end = "ACCEPTED" if found.accepted else "refused"
        twin = "allowed" if found.twin else f"REFUSED ({found.twin_why[:100]})"
        print(f"{number:3} {found.name:66} {end:9} twin {twin:9} {found.why[:110]}")
    print(f"attempts={len(everything)} accepted={accepted} twins={len(everything) - failed}")
    return 1 if accepted or failed else 0


if __name__ == "__main__":
    sys.exit(main())
