"""Revisions of our own tables, in the order of their numbers; a released one is never changed."""
