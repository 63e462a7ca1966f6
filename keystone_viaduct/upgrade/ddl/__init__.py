"""Changes of a schema on a live database: their SQL on each engine, and how to run it so that nobody waits.

``postgresql``, ``mysql`` (MariaDB too) and ``sqlite`` each have a dialect, which renders without a database,
and a database, which asks the catalogue and runs statements within a budget.
"""

from .choice import database_on, dialect_for, open_database
from .database import Budget, LiveDatabase

__all__ = ["Budget", "LiveDatabase", "database_on", "dialect_for", "open_database"]
