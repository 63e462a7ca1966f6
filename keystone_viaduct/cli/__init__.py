"""The ``viaduct`` command: one file per subcommand (see :mod:`keystone_viaduct.cli.main`)."""
