"""What every step of the lifecycle works with."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from certs.rotation import Standing
from device_agent.api.client import Client
from device_agent.api.retry import NEVER, RetryPolicy
from device_agent.api.skew import ServerClock
from device_agent.avatars.cache import AvatarCache
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.errors import PermissionRefused, Throttled
from device_agent.lifecycle.certificate import CertificateKeeper
from device_agent.lifecycle.identity import Hardware
from device_agent.lifecycle.journal import Journal
from device_agent.lifecycle.keyring import Keyring
from device_agent.lifecycle.observe import Watch
from device_agent.lifecycle.office import Office
from device_agent.lifecycle.points import Point, Reach, unwatched
from device_agent.lifecycle.record import Contact
from device_agent.lifecycle.vault import Vault
from device_agent.spec.wire import Request, Result

ResultT = TypeVar("ResultT", bound=Result)


@dataclass(kw_only=True)
class Device:
    """A device while one process works on it: its record, secrets, avatars, and the way to the platform.

    Attributes:
        probing: each call is one request, until somebody knows that the platform is well again.
    """

    settings: Settings
    journal: Journal
    keyring: Keyring
    vault: Vault
    cache: AvatarCache
    hardware: Hardware
    clock: Clock
    watch: Watch
    make_client: Callable[[float], Client]
    make_office: Callable[[], Office]
    reach: Reach = unwatched
    probing: bool = False
    _client: Client | None = None
    _office_offset_s: float | None = None

    @property
    def client(self) -> Client:
        """The platform client; made when it is first needed, with what is known of this device's clock."""
        if self._client is None:
            self.settle_certificate()
            self._client = self.make_client(self.offset_s)
            self._office_offset_s = None  # the client begins with it, and knows better from the first answer on
        return self._client

    def call(self, request: Request[ResultT], *, retry: RetryPolicy | None = None) -> ResultT:
        """Call the platform; a crash may come before and after it.

        Raises:
            NetworkError, PlatformError, LicenseRefused: see ``Client.call``.
        """
        name = type(request).__name__
        self.reach(Point(f"{name}.send"))
        try:
            return self.client.call(request, retry=NEVER if self.probing else retry)
        finally:
            self.reach(Point(f"{name}.answered"))

    @property
    def offset_s(self) -> float:
        """Seconds to add to this device's clock, as far as that is known."""
        if self._office_offset_s is not None:
            return self._office_offset_s
        return self._client.offset_s if self._client is not None else self.journal.record.contact.offset_s

    def now(self) -> float:
        """The platform's time as far as it is known, seconds since 1970."""
        return self.clock.wall() + self.offset_s

    def contact(self) -> Contact:
        """The contact to record after a licensed call succeeded."""
        return msgspec.structs.replace(
            self.journal.record.contact, last_ok=self.now(), offline_s=0.0, offset_s=round(self.offset_s, 1),
            counting_boot="", counted_at=0.0,
        )  # fmt: skip

    @property
    def office(self) -> Office:
        """The registration office of the settings.

        Raises:
            ConfigurationError: an address is not https, or a proxy's address is not usable.
        """
        return self.make_office()

    def ask_the_time(self) -> None:
        """Learn the time from the office's own answers, refusals included, as the client does from the platform's.

        A device that unbinds through the office asks the platform nothing. A change of more than an hour is believed
        when two answers agree; an office that says no time changes nothing.

        Raises:
            NetworkError, ServerFault: the office cannot be asked.
        """
        clock = ServerClock(self.clock, offset_s=self.offset_s)
        fits: list[bool] = []
        office = replace(self.office, heard=lambda answer: fits.append(clock.learn(answer, clock_refused=False)))
        for _ in range(2):
            with suppress(PermissionRefused, Throttled):  # either tells the time as well
                office.authorities() if office.est_url else office.prove()
            if any(fits):
                break
        self._office_offset_s = clock.offset_s

    def time_to_judge(self, keeper: CertificateKeeper, *, well: Collection[Standing | None]) -> datetime:
        """The time by which a certificate is judged that is not ``well`` by this device's clock, and one that is about
        to be asked for: the office's own. A clock that nobody has corrected yet, or one that was set right since its
        error was learned, would find the best certificate over, or not begun, and never get to the call that corrects
        it. ``None`` stands for no certificate.

        Raises:
            NetworkError, ServerFault: the office cannot be asked.
        """
        have = keeper.have()
        standing = None if have is None else keeper.standing(have, now=self.now_utc())
        if self.settings.enroll_url and standing not in well:
            self.ask_the_time()
        return self.now_utc()

    def certificates(self, device_id: str) -> CertificateKeeper:
        """The device's certificates.

        Raises:
            ConfigurationError: an address is not https.
        """
        return CertificateKeeper(
            lineage=self.vault.lineage,
            office=self.office,
            device_id=device_id,
            reach=self.reach,
        )

    def settle_certificate(self) -> None:
        """Before the certificate opens anything: see ``CertificateKeeper.settle``."""
        if self.settings.broker_url and not self.settings.access_key_id:
            with suppress(PermissionRefused):  # the one before is in use again
                self.certificates(self.journal.record.device_id).settle()

    def now_utc(self) -> datetime:
        """The platform's time with its zone."""
        return datetime.fromtimestamp(self.now(), tz=UTC)

    def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            self._client.close()
            self._client = None
