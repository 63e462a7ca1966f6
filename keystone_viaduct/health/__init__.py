"""What is known of a fleet, and what speaks against it, as pure data.

The command line, the metrics and the dashboard all take it from here: :mod:`view` is what was seen of sites
and links, :mod:`catalogue` names every check, :mod:`checks` are those of a fleet, :mod:`backlog` is the list
of records that wait.
"""
