"""The dashboard that each agent serves: what it knows of the fleet as pages, and what people may do about it.

``state`` and ``view`` are pure: what is known, and what a page shows of it. ``watch``, ``observing`` and
``keystone`` fetch; ``web`` answers browsers.
"""
