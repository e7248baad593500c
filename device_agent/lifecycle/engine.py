"""The device's life behind one door: bind, start, fetch, unbind; each safe to repeat, each observable."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from certs.errors import CertError
from certs.identity import Identity
from certs.rotation import Standing, Validity, validity_of
from device_agent.avatars.cache import AvatarCache, CachedPackage
from device_agent.clock import Clock, SystemClock
from device_agent.config import Secret, Settings
from device_agent.errors import AgentError
from device_agent.lifecycle import at_rest, binding, clone, leaving, orders, refreshing, rooted, showing
from device_agent.lifecycle.account import Account, account_of
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.identity import SERIAL_FILES, Hardware
from device_agent.lifecycle.journal import opened
from device_agent.lifecycle.keyring import Keyring
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.observe import Observer, Progress, Step, Watch
from device_agent.lifecycle.points import Reach, unwatched
from device_agent.lifecycle.record import Record
from device_agent.lifecycle.ticket import OrphanTicket
from device_agent.lifecycle.token import Token, keep, kept_token, rejected, worked
from device_agent.lifecycle.vault import AVATARS, Vault
from device_agent.lifecycle.ways import Ways
from device_agent.tpm.endorsement import EndorsementKey
from device_agent.tpm.sealing import Sealer


@dataclass(frozen=True, kw_only=True)
class Started:
    """A session: the token of the drive channel, in memory only."""

    im_token: Secret
    request_id: str


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """An avatar that is on this device and verified."""

    package: CachedPackage
    request_id: str


class Engine:
    """One device's life; made by ``Engine.open``, which keeps other processes out as long as it is open."""

    def __init__(self, device: Device, *, new_intent: Callable[[], str]) -> None:
        self._device = device
        self._new_intent = new_intent

    @classmethod
    @contextmanager
    def open(
        cls,
        settings: Settings,
        *,
        observer: Observer | None = None,
        clock: Clock | None = None,
        hardware: Hardware | None = None,
        new_intent: Callable[[], str] | None = None,
        client_options: dict[str, Any] | None = None,
        reach: Reach = unwatched,
        accepting: bool = False,
    ) -> Iterator[Self]:
        """Work on the device whose state the settings name.

        Args:
            observer: told of every step as it ends.
            client_options: passed on to ``Client``, for tests.
            reach: told of every point at which power may fail, for tests.
            accepting: whoever opens it is about to accept new hardware: a TPM that no setting names is given up.

        Raises:
            StateError: another process works on it.
            ConfigurationError: the TPM that the settings name cannot be asked now, or none is named any more.
            PrivateFileError: the state folder is not private or cannot be written.
        """
        clock = clock or SystemClock()
        options = {"clock": clock, **(client_options or {})}
        hardware = hardware or this_machine(settings.tpm)
        keyring = Keyring(settings.state_dir, sealer=hardware.sealer, random_bytes=hardware.random_bytes, reach=reach)
        ways = Ways(settings, environ=options.get("environ", os.environ), clock=clock, cover=keyring)
        watch = Watch(clock=clock, observer=observer)
        vault = Vault(settings.state_dir, cover=keyring, reach=reach)
        with opened(settings.state_dir, reach=reach, keyring=keyring, accepting=accepting) as journal:
            clone.check(journal, root=hardware.root, parts=hardware.parts)
            at_rest.settle(journal, keyring=keyring, vault=vault, watch=watch, accepting=accepting)
            device = Device(
                settings=settings,
                journal=journal,
                keyring=keyring,
                vault=vault,
                cache=AvatarCache(
                    settings.cache_dir / AVATARS,
                    timeout_s=settings.timeout_s,
                    deadline_s=settings.download_deadline_s,
                    quota=settings.cache_quota_bytes or None,
                ),
                hardware=hardware,
                clock=clock,
                watch=watch,
                make_client=lambda offset_s: ways.client({"offset_s": offset_s, **options}),
                make_office=ways.office,
                reach=reach,
            )
            try:
                yield cls(device, new_intent=new_intent or (lambda: secrets.token_hex(8)))
            finally:
                device.close()

    @property
    def record(self) -> Record:
        """The device's record as it is on disk."""
        return self._device.journal.record

    @property
    def now(self) -> float:
        """The platform's time as far as it is known, seconds since 1970."""
        return self._device.now()

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step done since it was opened."""
        return self._device.watch.steps

    def probe(self) -> None:
        """From now on each call is one request and no more: for a platform that has failed for a while."""
        self._device.probing = True

    def bind(self, *, lost: bool = False) -> bool:
        """Take a seat; ``False`` when this device holds it already, unless it is ``lost``. See ``binding.bind``."""
        account = self._account()
        return binding.bind(self._device, account, new_intent=self._new_intent, device_info=device_info(), lost=lost)

    def _account(self) -> Account:
        return account_of(self._device.settings, vault=self._device.vault, record=self.record)

    def start(self) -> Started:
        """Begin a session. See ``showing.start``."""
        im_token, request_id = showing.start(self._device)
        return Started(im_token=im_token, request_id=request_id)

    @property
    def token(self) -> Token | None:
        """The token of LicenseAuth that is kept, and the one before (``to_try``); ``None`` without one.

        Raises:
            PrivateFileError: the disk cannot be read.
        """
        return kept_token(self._device.vault)

    def refresh_token(self) -> bool:
        """Ask for another token of LicenseAuth; whether one came. See ``refreshing.refresh``."""
        return refreshing.refresh(self._device)

    def token_worked(self, used: Secret) -> None:
        """For whoever uses the token, when it opened something: the one before is not needed any more."""
        self._keep_token(lambda kept: worked(kept, used))

    def token_rejected(self, used: Secret) -> None:
        """For whoever uses the token, when it was refused: a life is learned, and the service asks for another."""
        if self._keep_token(lambda kept: rejected(kept, used, now=self.now)):
            self._device.journal.write(self.record)  # another generation is what the service looks at

    def _keep_token(self, change: Callable[[Token], Token]) -> bool:
        kept = self.token
        if kept is None or (changed := change(kept)) == kept:
            return False
        keep(self._device.vault, changed)
        return True

    def fetch(self, code: str, *, progress: Progress | None = None) -> Fetched:
        """Bring an avatar onto this device. See ``showing.fetch``."""
        package, request_id = showing.fetch(self._device, code, progress=progress)
        return Fetched(package=package, request_id=request_id)

    @property
    def has_avatar(self) -> bool:
        """Whether the avatar to show is in the cache: somebody may have emptied it.

        Raises:
            ConfigurationError: the cache is not private, or cannot be read.
        """
        active = self.record.content.active
        return bool(active) and self._device.cache.cached(active) is not None

    @property
    def certificate(self) -> Validity | None:
        """When the certificate in use is valid; ``None`` without a whole one."""
        lineage = self._device.vault.lineage
        if lineage.live is None:
            return None
        try:
            identity = lineage.current()
        except CertError:
            return None
        return validity_of(identity.certificate) if identity is not None else None

    def renew_certificate(self, *, force: bool = False) -> str:
        """Renew the device's certificate when it is time; the new fingerprint, empty when nothing was to be done.

        Raises:
            StateError: the disk belongs to other hardware.
            ConfigurationError: the device has no certificate, or its time is over and no secret is set, or not begun.
            NetworkError, PermissionRefused, TrustError, IdentityError: see ``CertificateKeeper.renew``.
        """
        binding.require_own_hardware(self.record)
        with self._device.watch.step("certificate") as note:
            keeper = self._device.certificates(self.record.device_id)
            secret = self._device.settings.enroll_secret
            now = self._device.time_to_judge(keeper, well=(None,) if force else (None, Standing.FRESH))
            renewed = keeper.renew(now=now, secret=secret, force=force)
            note.result = renewed.fingerprint if renewed is not None else "fresh"
        return renewed.fingerprint if renewed is not None else ""

    def enroll(self, *, anew: bool = False) -> str:
        """Get the device's first certificate; its fingerprint. Makes the device's identity durable first.

        Args:
            anew: also where there is one that looks good: it was revoked. It stays in use until the new one has worked.

        Raises:
            StateError: the device is on its way out, or the disk belongs to other hardware.
            NetworkError, PermissionRefused, TrustError, IdentityError: see ``CertificateKeeper.enroll``.
        """
        account = self._account()
        return binding.enroll(self._device, account, anew=anew)

    def take_over(self, identity: Identity) -> bool:
        """Use a key and certificate that were made elsewhere; whether the office has seen them work.

        Raises:
            StateError: the device is on its way out, or the disk belongs to other hardware.
            NetworkError, PermissionRefused, IdentityError: see ``CertificateKeeper.take_over``.
        """
        account = self._account()
        return binding.take_over(self._device, account, identity)

    def prove_storage(self) -> None:
        """Write the record once more as it is, to see whether it can be.

        Raises:
            PrivateFileError: it cannot.
        """
        self._device.journal.write(self.record)

    def offline(self, seconds: float, *, boot: str) -> None:
        """Count seconds without a licensed call. See ``showing.offline``."""
        showing.offline(self._device, seconds, budget_s=self._device.settings.offline_budget_s, boot=boot)

    def unbind(self) -> bool:
        """Give the seat back and erase; ``False`` when there is nothing to do. See ``leaving.unbind``.

        Afterwards ``record.phase`` is DECOMMISSIONED, or SEALING when it must be called once more later.
        """
        return leaving.unbind(self._device, new_intent=self._new_intent)

    def obey(self, order: bytes, *, where: str) -> bool:
        """Make a signed order durable that counts; ``unbind`` carries it out. See ``orders.obey``."""
        return orders.obey(self._device, order, where=where)

    def believe(self, refusal: AgentError) -> None:
        """Hold the office's word that this device was taken out to the settings. See ``orders.believe``."""
        orders.believe(self._device, refusal)

    @property
    def may_ask_for_orders(self) -> bool:
        """Whether there is an address to ask, and somebody who could obey."""
        return orders.is_asked_for(self._device.settings, self.record)

    def ask_for_order(self) -> bool:
        """Make a good order durable that lies at ``order_url``; whether there is one. See ``orders.ask``."""
        return orders.ask(self._device)

    @property
    def root(self) -> rooted.Standing:
        """How the root of the operator's keys is; asks nobody."""
        return rooted.standing(self._device.settings, self.record, now=self._device.now_utc())

    def tend_root(self) -> None:
        """Look for the next root of keys when the present one ends soon. See ``rooted.tend``."""
        rooted.tend(self._device)

    def abandon(self, *, keep: Callable[[OrphanTicket], None], reason: str = "") -> OrphanTicket | None:
        """Erase though the seat may still be held. See ``leaving.abandon``."""
        return leaving.abandon(self._device, new_intent=self._new_intent, keep=keep, reason=reason)

    def accept_hardware(self) -> bool:
        """Make this machine a new device with the disk it was given. See ``binding.accept_hardware``."""
        return binding.accept_hardware(self._device)

    @property
    def is_sealing(self) -> bool:
        """Whether the seat must be given back once more, after ``record.bind.unsure_until``."""
        return self.record.phase is Phase.SEALING


def this_machine(tpm: str) -> Hardware:
    """The hardware that this runs on; ``tpm`` as in the settings."""
    return Hardware(
        serial_files=SERIAL_FILES,
        random_bytes=os.urandom,
        parts=clone.system_parts(),
        tpm=EndorsementKey(Path(tpm)) if tpm else None,
        sealer=Sealer(Path(tpm)) if tpm else None,
    )


def device_info() -> str:
    """What the platform is told about this device: kinds, no serial numbers and no names."""
    facts = {"agent": "avatar-device-agent", "system": platform.system(), "machine": platform.machine()}
    return msgspec.json.encode(facts).decode()
