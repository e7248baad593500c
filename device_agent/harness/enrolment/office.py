"""What the office decides: who gets a certificate, and what a certificate gets. Knows no network."""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from certs.authority import Authority
from certs.errors import CertError
from certs.purpose import Purpose
from certs.trust import Revocation, Trust
from device_agent.harness.enrolment.headquarters import Headquarters
from device_agent.harness.enrolment.ledger import Ledger
from device_agent.harness.state.accounts import AccessKey
from device_agent.harness.world import World

OnWorld = Callable[[Callable[[World], Any]], Any]
"""Runs something with the stand-in's state, in the thread that the state belongs to."""

CREDENTIALS_LIFETIME = timedelta(minutes=30)
HOUR_S = 3600.0
UNBINDING = frozenset({"ClientUnbindDevice"})


class Refused(Exception):
    """The office says no; the text is for the log of a test, the status for the wire.

    Attributes:
        removed: the device that headquarters took out, when that is why.
        retry_after_s: whole seconds after which it is worth asking again; ``None`` where nobody can say.
    """

    def __init__(self, status: int, code: str, *, removed: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.removed = removed
        self.retry_after_s = retry_after_s


@dataclass(kw_only=True)
class Office:
    """Attributes:
    secrets: provisioning secret -> the device id it is good for (empty: any); each works once: for one key, which may
        ask again when the answer was lost.
    removed: device ids that headquarters took out: they get nothing any more.
    admitted: when ids that were new got their first certificates, by the stand-in's time; those of the last hour.
    headquarters: who signs the orders that go with a refusal; ``None`` for an office that sends none.
    keep: given everything that may not be forgotten, each time that it changes, before anybody hears of it.
    """

    authority: Authority
    on_world: OnWorld
    lifetime: timedelta
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    spent: dict[str, bytes] = field(default_factory=dict, repr=False)
    removed: set[str] = field(default_factory=set)
    issued: list[tuple[str, int]] = field(default_factory=list)
    admitted: list[float] = field(default_factory=list)
    headquarters: Headquarters | None = None
    keep: Callable[[Ledger], None] = lambda _ledger: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def go_on(self, ledger: Ledger) -> None:
        """As the office that kept this."""
        self.issued = [(device_id, int(serial, 16)) for device_id, serial in ledger.issued]
        self.removed = set(ledger.removed)
        for serial, when in ledger.revoked.items():
            self.authority.revoke(int(serial, 16), now=when)

    def now(self) -> datetime:
        """The stand-in's time, by which what the broker gives ends."""
        return datetime.fromtimestamp(self.on_world(lambda world: world.clock.now()), tz=UTC)

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """What devices are to trust."""
        return self.authority.identity.chain

    def revocations(self) -> bytes:
        """The list of what was revoked so far, DER (RFC 5280), good for a day."""
        with self.lock:
            return self.authority.crl(now=self.clock(), lifetime=timedelta(days=1)).public_bytes(Encoding.DER)

    def revoke(self, serial_number: int) -> None:
        """Put a certificate of this authority on the list."""
        with self.lock:
            self.authority.revoke(serial_number, now=self.clock())
            self._keep()

    def enroll(self, request: x509.CertificateSigningRequest, *, secret: str) -> tuple[x509.Certificate, ...]:
        """A first certificate, for a provisioning secret that has not been used, or by this same key."""
        key = request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        # Before the lock: the console has the state's thread already when it asks for the lock.
        most = self.on_world(lambda world: world.rules.new_devices_per_hour)
        now = self.now().timestamp()
        with self.lock:
            if secret not in self.secrets or self.spent.get(secret, key) != key:
                raise Refused(401, "EnrolmentSecretInvalid")
            wanted = self.secrets[secret] or None
            chain = self._issue(request, subject=wanted, admit=lambda name: self._admit(name, most=most, now=now))
            self.spent[secret] = key
            return chain

    def _admit(self, device_id: str, *, most: int, now: float) -> None:
        """Count an id that is new; one for which there is no room in this hour costs its secret nothing."""
        if any(owner == device_id for owner, _ in self.issued):
            return
        self.admitted = [at for at in self.admitted if now - at < HOUR_S]
        if most and len(self.admitted) >= most:
            free_in = self.admitted[-most] + HOUR_S - now
            raise Refused(429, "TooManyNewDevices", retry_after_s=max(1, math.ceil(free_in)))
        self.admitted.append(now)

    def reenroll(
        self, request: x509.CertificateSigningRequest, *, presented: tuple[x509.Certificate, ...]
    ) -> tuple[x509.Certificate, ...]:
        """A further certificate for the same device, by the one it has."""
        device_id = self.device(presented)
        with self.lock:
            return self._issue(request, subject=device_id)

    def device(self, presented: tuple[x509.Certificate, ...]) -> str:
        """The id of the device whose certificate this is, if it is good now and nobody removed the device.

        A device that was removed is told so, also when its certificate was revoked: else it would never leave.
        """
        device_id = self._named(presented, revocation=Revocation.NONE)
        if device_id in self.removed:
            raise Refused(403, "Removed", removed=device_id)
        return self._named(presented, revocation=Revocation.LEAF)

    def _named(self, presented: tuple[x509.Certificate, ...], *, revocation: Revocation) -> str:
        now = self.clock()
        try:
            crl = self.authority.crl(now=now, lifetime=timedelta(hours=1))
            # Of what is above this authority, it need not be shown anything.
            trust = Trust(roots=[self.authority.certificate], crls=[crl], revocation=revocation, partial=True)
            verified = trust.verify(presented, purpose=Purpose.CLIENT, now=now)
        except CertError as error:
            raise Refused(403, error.code) from error
        return str(verified[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    def credentials(self, presented: tuple[x509.Certificate, ...]) -> dict[str, str]:
        """Temporary credentials for this device, which may not unbind: the office does that, for its own id only."""
        self.device(presented)

        def add(world: World) -> dict[str, str]:
            key = AccessKey(
                access_key_id="STS." + world.ids.letters(20),
                secret=world.ids.letters(30),
                tenant_id=world.household.tenant_id,
                security_token=world.ids.token(96),
                expires_at=world.clock.now() + CREDENTIALS_LIFETIME.total_seconds(),
                denied=UNBINDING,
            )
            world.accounts.add_key(key)
            ends = datetime.fromtimestamp(key.expires_at or 0.0, tz=UTC)
            return {
                "Code": "Success",
                "AccessKeyId": key.access_key_id,
                "AccessKeySecret": key.secret,
                "SecurityToken": key.security_token or "",
                "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }

        return dict(self.on_world(add))

    def unbind(self, presented: tuple[x509.Certificate, ...], *, last: bool) -> dict[str, str]:
        """Give the caller's own seat back; ``last`` revokes its certificate as well."""
        device_id = self.device(presented)

        def give_back(world: World) -> str:
            tenant_id = world.household.tenant_id
            rules = type(world.rules)(unknown_unbind="ok")
            with world.store.transaction():
                world.seats.give_back(tenant_id=tenant_id, device_id=device_id, rules=rules)
            return str(world.ids.request_id())

        request_id = str(self.on_world(give_back))
        if last:
            with self.lock:
                for owner, serial in self.issued:
                    if owner == device_id:
                        self.authority.revoke(serial, now=self.clock())
                self._keep()
        return {"Code": "Success", "RequestId": request_id}

    def invite(self, device_id: str = "") -> str:
        """A provisioning secret that works once; for this device, or for any."""
        secret = secrets.token_urlsafe(24)
        with self.lock:
            self.secrets[secret] = device_id
        return secret

    def remove(self, device_id: str, *, removed: bool) -> None:
        """Take a device out, or let it in again."""
        with self.lock:
            (self.removed.add if removed else self.removed.discard)(device_id)
            self._keep()
        if self.headquarters is not None and not removed:
            self.headquarters.admitted(device_id)

    def order(self, device_id: str) -> bytes:
        """What a device that was taken out is sent, as the stand-in's rule has it; empty for nothing."""
        if self.headquarters is None or device_id not in self.removed:
            return b""
        how = self.on_world(lambda world: world.rules.removed)
        return self.headquarters.order(device_id, now=self.now(), how=how)

    def devices(self) -> list[dict[str, object]]:
        """Every device that has a certificate, or was taken out."""
        with self.lock:
            ids = sorted({owner for owner, _ in self.issued} | self.removed)
            revoked = self.authority.revoked
            return [
                {
                    "device_id": device_id,
                    "removed": device_id in self.removed,
                    "certificates": [
                        {"serial": f"{serial:x}", "revoked": serial in revoked}
                        for owner, serial in self.issued
                        if owner == device_id
                    ],
                }
                for device_id in ids
            ]

    def _issue(
        self,
        request: x509.CertificateSigningRequest,
        *,
        subject: str | None,
        admit: Callable[[str], None] = lambda _device_id: None,
    ) -> tuple[x509.Certificate, ...]:
        try:
            chain = self.authority.issue_from(request, now=self.clock(), lifetime=self.lifetime, subject=subject)
        except CertError as error:
            raise Refused(400, error.code) from error
        name = str(chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        if name in self.removed:
            raise Refused(403, "Removed", removed=name)
        admit(name)
        self.issued.append((name, chain[0].serial_number))
        self._keep()
        return chain

    def _keep(self) -> None:
        self.keep(
            Ledger(
                issued=[(device_id, f"{serial:x}") for device_id, serial in self.issued],
                revoked={f"{serial:x}": when for serial, when in self.authority.revoked.items()},
                removed=sorted(self.removed),
            )
        )
