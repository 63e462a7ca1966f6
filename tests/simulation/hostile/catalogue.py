"""All attempts."""

from tests.simulation.hostile import forgeries, grants, office, people, services, tokens

ATTEMPTS = (
    *people.ATTEMPTS,
    *grants.ATTEMPTS,
    *tokens.ATTEMPTS,
    *services.ATTEMPTS,
    *forgeries.ATTEMPTS,
    *office.ATTEMPTS,
)
