"""Alembic's environment for the journal's tables."""
