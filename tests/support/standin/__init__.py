"""A stand-in for CockroachDB: PostgreSQL's wire protocol in front of PostgreSQL, answering as CockroachDB
does where the two differ, with transactions that are refused at will.

It is not CockroachDB. It shows that Keystone, our hooks and our migrations get along with the differences
that CockroachDB documents; what the server does with a statement that both take is shown by a real one alone.
"""

from tests.support.standin.rules import VERSION
from tests.support.standin.server import StandIn

__all__ = ["VERSION", "StandIn"]
