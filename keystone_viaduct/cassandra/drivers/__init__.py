"""Keystone's backend drivers over records: a file for each namespace, chosen as ``cassandra``.

They open no SQL session. Keystone's own models serve as plain objects, never added to one: so what a dict
becomes, which attributes there are, and what is shown, is what the installed release says.
"""
