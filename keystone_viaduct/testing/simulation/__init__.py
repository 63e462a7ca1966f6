"""A deterministic simulation of whole fleets that drives the real ``sync.site`` and ``sync.link`` code.

Everything random comes from one seed; a failure is told as a seed and a readable story.
"""
