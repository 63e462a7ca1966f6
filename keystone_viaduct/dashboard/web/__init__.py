"""The dashboard's answers to browsers."""
