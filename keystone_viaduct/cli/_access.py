"""Options and output of what joining changes for whom: shared by ``viaduct adopt`` and ``viaduct agent``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from keystone_viaduct.cli._terminal import inert

if TYPE_CHECKING:
    from rich.console import Console

    from keystone_viaduct.sync.adopt import Choices, Plan, Settled
    from keystone_viaduct.sync.model import Ref

CHOOSE = (
    "look at the plan, then choose: --access hub, site, newest or both (several in the order of preference, "
    "as both,newest,hub), --choose KIND/KEY=CHOICE for one of them, --choices FILE for many"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options by which an operator chooses."""
    parser.add_argument(
        "--access",
        default="",
        metavar="CHOICE,…",
        help="where access changes: hub, site, newest or both; of several the first that is possible",
    )
    parser.add_argument(
        "--choose",
        action="append",
        default=[],
        metavar="KIND/KEY=CHOICE",
        help="the same for one account, as the plan names it; may be repeated",
    )
    parser.add_argument("--choices", type=Path, metavar="FILE", help="the same as YAML: KIND/KEY: CHOICE")
    parser.add_argument("--all", action="store_true", help="name all whose access changes, however many")


def choices_of(
    args: argparse.Namespace, stored: Mapping[Ref, str] | None = None, prefer: str = ""
) -> Choices:
    """What was chosen; ``prefer`` where --access says nothing. Raises ConfigError."""
    from keystone_viaduct.sync.adopt import Choices

    before = {(ref.kind, ref.key): choice for ref, choice in (stored or {}).items()}
    return Choices.parse(args.access or prefer, args.choose, args.choices, before)


def announce(console: Console, plan: Plan, settled: Settled, *, everything: bool) -> None:
    """Print whose access changes."""
    from keystone_viaduct.sync.adopt import access_lines

    for style, line in access_lines(plan, settled, everything=everything):
        console.print(Text(inert(line), style=style), soft_wrap=True)
