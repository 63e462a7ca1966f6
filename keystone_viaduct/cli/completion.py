"""Print what a shell needs to complete the names of commands and options.

Put the line of the example into the shell's start-up file; or write the output to a file that it reads.
"""

from __future__ import annotations

import sys

from click.shell_completion import get_completion_class

from keystone_viaduct.cli._options import Arguments, argument
from keystone_viaduct.cli._terminal import Terminal

HELP = "print the script that completes names in a shell"
SECTION = "other"
EXAMPLES = (
    'eval "$(viaduct completion bash)"',
    "viaduct completion fish > ~/.config/fish/completions/viaduct.fish",
)
SHELLS = ("bash", "zsh", "fish")
PARAMS = (argument("shell", choices=SHELLS, help="for which shell"),)


def run(args: Arguments, _terminal: Terminal) -> int:
    """Print it."""
    from keystone_viaduct.cli._commands import build

    made = get_completion_class(args.shell)
    if made is None:
        raise AssertionError(args.shell)
    sys.stdout.write(made(build(), {}, "viaduct", "_VIADUCT_COMPLETE").source())
    return 0
