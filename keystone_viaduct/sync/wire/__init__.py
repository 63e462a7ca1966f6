"""The synchronisation protocol as JSON: what travels between a site's API, the agent and the tools.

Pure: no I/O and nothing of Keystone, so both ends use the same code. Everything that comes in is checked for
type, size and count; what does not fit raises BadRequest or TooLarge and names the place.
"""
