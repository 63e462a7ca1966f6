"""The one-command fleet: real Keystones, a WAN between them, a narrated scenario and its judge."""
