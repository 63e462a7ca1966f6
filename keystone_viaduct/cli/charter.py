"""Show or replace the fleet's charter: what each spoke holds and may change, and who wins conflicts.

It is written at the hub, over the hub's API, and reaches the spokes with the next pages.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._charter_words import in_words
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument, option
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.charter import Charter, charter_to_set

HELP = "show or replace what each spoke holds and may change"
SECTION = "fleet"
EXAMPLES = (
    "viaduct charter show > charter.yaml",
    "viaduct charter set charter.yaml --dry-run",
    "viaduct charter set charter.yaml",
)
#: Much more than a charter of a thousand sites.
LARGEST = 16 * 1024 * 1024


PARAMS = (
    argument(
        "action",
        choices=("show", "set"),
        default="show",
        help="show (the default): print it, as YAML that set takes; set: replace the edition of FILE",
    ),
    argument("file", metavar="FILE", help="the charter to set; - reads standard input", required=False),
    option("--site", help="show what this site goes by (default: the hub)"),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Over the API."""
    if args.action == "show":
        if args.file:
            raise ConfigError("`viaduct charter show` takes no file", hint="`viaduct charter set FILE`")
        if args.dry_run:
            raise ConfigError("`show` changes nothing", hint="leave out --dry-run")
        charter = _fleet.open_site(args, args.site).charter()
    else:
        if args.site:
            raise ConfigError("a charter is set at the hub only", hint="leave out --site")
        wanted, hub = _read(args.file), _fleet.open_hub(args)
        if args.dry_run:
            return _tried(terminal, hub.charter(), hub.write_charter(wanted, dry_run=True))
        charter = hub.write_charter(wanted)
    terminal.data(charter_to_set(charter))
    terminal.say(_yaml(charter_to_set(charter)))
    for sentence in in_words(charter):
        terminal.say(f"# {sentence}")
    return 0


def _tried(terminal: Terminal, now: Charter, then: Charter) -> int:
    """What would be said otherwise, in the words of ``show``."""
    terminal.data({"now": charter_to_set(now), "then": charter_to_set(then)})
    terminal.say(f"edition {now.edition.number} would be followed by {then.edition.number}")
    before, after = in_words(now), in_words(then)
    for sentence in before:
        if sentence not in after:
            terminal.say(f"- {sentence}")
    for sentence in after:
        if sentence not in before:
            terminal.say(f"+ {sentence}")
    if {**charter_to_set(now), "edition": 0} == {**charter_to_set(then), "edition": 0}:
        terminal.say("it says what the present one says")
    terminal.say(UNCHANGED)
    return 0


def _read(file: str | None) -> Any:
    from keystone_viaduct.sync.agent.places import parse

    if not file:
        raise ConfigError(
            "no file is named", hint="`viaduct charter set FILE`; `show` prints one to begin with"
        )
    try:
        text = sys.stdin.read(LARGEST) if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} can't be read: {error}", hint="`viaduct charter show` prints the form"
        ) from error
    return parse(text, Path(file)).value


def _yaml(body: dict[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(body, sort_keys=False, default_flow_style=None, width=100)
    return text.rstrip()
