"""Options and output of what joining changes for whom: shared by ``viaduct adopt`` and ``viaduct agent``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.text import Text

from keystone_viaduct.cli._options import Arguments
from keystone_viaduct.cli._terminal import inert

if TYPE_CHECKING:
    from rich.console import Console

    from keystone_viaduct.sync.adopt import Choices, Plan, Settled
    from keystone_viaduct.sync.model import Ref

CHOOSE = (
    "look at the plan, then choose: --access hub, site, newest or both (several in the order of preference, "
    "as both,newest,hub), --choose KIND/KEY=CHOICE for one of them, --choices FILE for many"
)


def choices_of(args: Arguments, stored: Mapping[Ref, str] | None = None, prefer: str = "") -> Choices:
    """What was chosen; ``prefer`` where --access says nothing. Raises ConfigError."""
    from keystone_viaduct.sync.adopt import Choices

    before = {(ref.kind, ref.key): choice for ref, choice in (stored or {}).items()}
    return Choices.parse(args.access or prefer, args.choose, args.choices, before)


def announce(console: Console, plan: Plan, settled: Settled, *, everything: bool) -> None:
    """Print whose access changes."""
    from keystone_viaduct.sync.adopt import access_lines

    for style, line in access_lines(plan, settled, everything=everything):
        console.print(Text(inert(line), style=style), soft_wrap=True)
