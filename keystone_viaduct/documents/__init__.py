"""Rows of the installed release's tables to canonical documents, and back."""
