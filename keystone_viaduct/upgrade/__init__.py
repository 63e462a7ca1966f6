"""Rolling upgrades: old and new releases of a service on one live schema, kept equal by triggers.

Declared once (``shape``, ``expression``, ``operations``), compiled (``rendering``, ``arming``, ``ddl``),
verified, and removed again (``runner``). docs/explanation/upgrades.md says how the parts fit together.
"""
