"""Entry point of ``viaduct``.

Each module of this package whose name does not begin with an underscore is a command. It has ``HELP`` (a
line), ``SECTION`` (who uses it), ``EXAMPLES``, ``PARAMS`` (click's parameters), and ``run(args, terminal)``,
which returns the exit code. ``EXCLUSIVE`` names parameters of which one at most may be given; ``EXIT_CODES``
says what its codes mean, where that is more than for every command. One that hands its arguments on has
``run_unread(arguments)`` as well, which gets them as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from keystone_viaduct.cli._commands import build
from keystone_viaduct.cli._terminal import Terminal


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an expected error becomes a message, a hint and an exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = build().main(arguments, prog_name="viaduct", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        Terminal().say_error("interrupted")
        return 130
    return int(code or 0)


if __name__ == "__main__":
    raise SystemExit(main())
