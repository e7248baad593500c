"""The ways from this device to the platform and to its office: one trust, and the same proxies, for both."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from certs.cover import BARE, Cover
from device_agent.api.client import Client
from device_agent.api.trust import Trust
from device_agent.api.trust_settings import trust_of
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.lifecycle.broker import credentials_from
from device_agent.lifecycle.office import Office
from device_agent.lifecycle.vault import Vault


class Ways:
    """Made anew for each opening of the device; what is slow to make waits until it is needed."""

    def __init__(self, settings: Settings, *, environ: Mapping[str, str], clock: Clock, cover: Cover = BARE) -> None:
        """``cover`` is between the device's key and its file."""
        self._cover = cover
        self._settings = settings
        self._environ = environ
        self._clock = clock

    @functools.cached_property
    def trust(self) -> Trust:
        """Whom the settings trust.

        Raises:
            ConfigurationError: a file cannot be read.
        """
        return trust_of(self._settings, environ=self._environ, clock=self._clock)

    def client(self, options: Mapping[str, Any]) -> Client:
        """The platform client: signed with what the settings or the environment give, else through the broker.

        Raises:
            ConfigurationError: see ``Client.from_settings``.
        """
        settings = self._settings
        if not settings.broker_url or settings.access_key_id:
            return Client.from_settings(settings, **{"trust": self.trust, **options})
        described = {
            "endpoint": settings.endpoint,
            "credentials": credentials_from(self.office()),
            "connect_timeout_s": settings.connect_timeout_s,
            "timeout_s": settings.timeout_s,
            "trust": self.trust,
            "proxy": settings.proxy,
            "seat_full_codes": settings.seat_full_codes,
        }
        return Client(**{**described, **options})

    def office(self) -> Office:
        """The registration office.

        Raises:
            ConfigurationError: an address is not https, or a proxy's address is not usable.
        """
        folder = Vault(self._settings.state_dir).identity_folder
        return Office.of(
            self._settings, identity_folder=folder, trust=self.trust, environ=self._environ,
            steady=self._clock.steady, cover=self._cover,
        )  # fmt: skip
