"""All attempts."""

from tests.simulation.hostile import forgeries, grants, people, services, tokens

ATTEMPTS = (
    *people.ATTEMPTS,
    *grants.ATTEMPTS,
    *tokens.ATTEMPTS,
    *services.ATTEMPTS,
    *forgeries.ATTEMPTS,
)
