"""Credentials from the registration office's broker, as the platform client takes them."""

from __future__ import annotations

from device_agent.api.credentials import Credentials, CredentialSteps
from device_agent.errors import PermissionRefused
from device_agent.lifecycle.office import LONG_LIVED, UNDECIDED, Office


class BrokerCredentials:
    """A credential source behind the office's broker; asked again three minutes before the end, kept in memory only."""

    def __init__(self, office: Office, *, early_s: float = 180.0) -> None:
        self._office = office
        self._early_s = early_s
        self._kept: Credentials | None = None
        self._refused = False

    def resolve(self, *, now: float) -> CredentialSteps:
        """What is kept while it lasts; a refresh that fails costs nothing as long as the old ones are valid."""
        yield from ()
        kept = self._kept
        ends = kept.expires_at or 0.0 if kept is not None else 0.0
        if kept is not None and not self._refused and now < ends - self._early_s:
            return kept
        try:
            self._kept = self._office.credentials(now=now)
            self._refused = False
        except (*UNDECIDED, PermissionRefused) as error:
            refuses = isinstance(error, PermissionRefused) and error.code != LONG_LIVED
            if refuses or kept is None or now >= ends:
                raise
            return kept
        return self._kept

    def drop(self) -> bool:
        """Ask for new ones next time; the old ones stay until then."""
        self._refused = True
        return True
