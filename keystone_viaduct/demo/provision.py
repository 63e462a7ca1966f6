"""Sets up one site: migrate, make keys, bootstrap. Run by the site's own Python, as a program.

``keystone-manage`` would import Keystone once per command, which takes longer than the commands; here its
own commands are called one after another in one process. Imports nothing but Keystone, so that it runs in
the environment of any release.

    python -m keystone_viaduct.demo.provision KEYSTONE_CONF bootstrap-option...
"""

from __future__ import annotations

import grp
import os
import pwd
import sqlite3
import sys

from keystone.cmd import cli


def main(argv: list[str]) -> None:
    """Migrate, make the three key repositories and bootstrap; may be repeated, as each of its steps may."""
    config, *bootstrap = argv
    owner = [
        "--keystone-user",
        pwd.getpwuid(os.getuid()).pw_name,
        "--keystone-group",
        grp.getgrgid(os.getgid()).gr_name,
    ]
    common = ["--config-file", config]
    cli.main(["keystone-manage", *common, "db_sync"])
    _use_write_ahead_log(cli.CONF.database.connection)
    for command in (
        ["fernet_setup", *owner],
        ["receipt_setup", *owner],
        ["credential_setup", *owner],
        ["bootstrap", *bootstrap],
    ):
        cli.CONF(args=[*common, *command], project="keystone")
        cli.CONF.command.cmd_class.main()


def _use_write_ahead_log(url: str) -> None:
    """Let readers of an SQLite file go on while one writes; the file remembers it."""
    prefix = "sqlite:///"
    if url.startswith(prefix):
        connection = sqlite3.connect(url.removeprefix(prefix))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
