"""Credentials from the registration office's broker, as the platform client takes them."""

from __future__ import annotations

from device_agent.api.credentials import CredentialSteps, RefreshedCredentials
from device_agent.errors import AgentError
from device_agent.lifecycle.office import LONG_LIVED, UNDECIDED, Office


def credentials_from(office: Office) -> RefreshedCredentials:
    """A credential source behind the office's broker. A refusal counts at once, though older ones are still valid."""

    def fetch(now: float) -> CredentialSteps:
        yield from ()
        return office.credentials(now=now)

    return RefreshedCredentials(fetch, passing=_says_nothing)


def _says_nothing(error: AgentError) -> bool:
    """An office that does not answer has refused nothing; nor has one whose credentials we refuse to use."""
    return isinstance(error, UNDECIDED) or error.code == LONG_LIVED
