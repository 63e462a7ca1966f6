"""Rows <-> canonical documents, over the installed release's tables."""
