"""What every step of the lifecycle works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from device_agent.api.client import Client
from device_agent.avatars.cache import AvatarCache
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.lifecycle.identity import Hardware
from device_agent.lifecycle.journal import Journal
from device_agent.lifecycle.observe import Watch
from device_agent.lifecycle.record import Contact
from device_agent.lifecycle.vault import Vault


@dataclass(kw_only=True)
class Device:
    """A device while one process works on it: its record, secrets, avatars, and the way to the platform."""

    settings: Settings
    journal: Journal
    vault: Vault
    cache: AvatarCache
    hardware: Hardware
    clock: Clock
    watch: Watch
    make_client: Callable[[float], Client]
    _client: Client | None = None

    @property
    def client(self) -> Client:
        """The platform client; made when it is first needed, with what is known of this device's clock."""
        if self._client is None:
            self._client = self.make_client(self.journal.record.contact.offset_s)
        return self._client

    def now(self) -> float:
        """The platform's time as far as it is known, seconds since 1970."""
        offset = self._client.offset_s if self._client is not None else self.journal.record.contact.offset_s
        return self.clock.wall() + offset

    def contact(self) -> Contact:
        """The contact to record after a licensed call succeeded."""
        offset = self._client.offset_s if self._client is not None else self.journal.record.contact.offset_s
        return msgspec.structs.replace(
            self.journal.record.contact, last_ok=self.now(), offline_s=0.0, offset_s=round(offset, 1)
        )

    def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            self._client.close()
            self._client = None
