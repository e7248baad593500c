"""The device's certificate: asked for, verified, put into use, and confirmed when it has worked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from certs.errors import CertError, IdentityError, TrustError
from certs.identity import Identity, PrivateKey, chain_of, request
from certs.lineage import Lineage
from certs.purpose import Purpose
from certs.rotation import Standing, standing, validity_of
from certs.trust import Trust
from device_agent.config import Secret
from device_agent.errors import AgentError, ConfigurationError
from device_agent.lifecycle.office import UNDECIDED, Office
from device_agent.lifecycle.points import Point, Reach, unwatched

Certificates = tuple[x509.Certificate, ...]

BROKEN_OFF = frozenset({"network.tls", "network.cut"})
"""How TLS refuses a certificate: the other side breaks off. With TLS 1.3 the client has sent its request by then, and
the reset of a connection with unread data may overtake the alert that says why. An innocent cut costs a renewal.
"""


@dataclass(frozen=True, kw_only=True)
class CertificateKeeper:
    """One device's certificates and the office that makes them."""

    lineage: Lineage
    office: Office
    device_id: str
    reach: Reach = unwatched

    def enroll(self, *, secret: Secret | None, now: datetime, anew: bool = False) -> Identity:
        """A first certificate; what is there and valid stays in its place, but with ``anew``.

        A request that was cut by a crash is repeated with the same key.

        Args:
            anew: for one that is valid by its dates and was revoked: only the office can tell.

        Raises:
            ConfigurationError: no office or no secret is set.
            NetworkError, PermissionRefused: from the office.
            TrustError, IdentityError: what came is not a good certificate for this key and device; nothing is kept.
        """
        self._mend()
        have = self.have()
        if have is not None and not anew and self.standing(have, now=now) in (Standing.FRESH, Standing.DUE):
            return have
        if not self.office.est_url or secret is None:
            missing = "enroll_secret" if self.office.est_url else "enroll_url"
            raise ConfigurationError(
                f"the setting {missing} is missing", code="config.missing", hint="ask whoever runs the EST server"
            )
        kept = self._kept_before(now)
        if kept is not None:
            return kept
        key = self.lineage.pending_key()
        self.reach(Point.CERTIFICATE_ASK)
        came = self.office.enroll(request(key, device_id=self.device_id), secret=secret)
        self.reach(Point.CERTIFICATE_ANSWERED)
        return self._take(key, came, now=now)

    def have(self) -> Identity | None:
        """What is in use; what is damaged on the disk counts as nothing, so that another can take its place."""
        try:
            return self.lineage.current()
        except IdentityError:
            return None

    def _mend(self) -> None:
        """Where the version in use is not there or damaged, use the last one that has worked, if that is whole."""
        live = self.lineage.live
        try:
            if live is not None:
                self.lineage.read(live)
                return
        except IdentityError:
            pass
        if self.have() is not None:
            self.lineage.roll_back()

    def _kept_before(self, now: datetime) -> Identity | None:
        """A certificate that came and was kept when power failed, before it was in use: the secret for it is spent."""
        if self.have() is not None:
            return None
        for version in reversed(self.lineage.versions()):
            try:
                identity = self.lineage.read(version)
                self._verify(identity, authorities=self.office.authorities(), now=now)
            except (IdentityError, TrustError):
                continue
            self._use(version, prove=True)
            return identity
        return None

    def renew(self, *, now: datetime, secret: Secret | None = None, force: bool = False) -> Identity | None:
        """A further certificate with a key of its own when it is time; ``None`` when it is not.

        The old one stays until the new one has worked: a refusal or a cut puts it back into use. One whose time is over
        opens nothing any more, nor does one that is lost or damaged: a secret gets a first one again.

        Raises:
            ConfigurationError: there is none to renew, its time is over and there is no secret, or it has not begun.
            NetworkError, PermissionRefused, TrustError, IdentityError: as ``enroll``; the old one is in use.
        """
        self._mend()
        have = self.have()
        if have is None and secret is not None and self.device_id:
            return self.enroll(secret=secret, now=now)
        if have is None:
            raise ConfigurationError(
                "this device has no certificate", code="office.no_certificate", hint="avatar-agent certs enroll"
            )
        found = self.standing(have, now=now)
        if found is Standing.EXPIRED and not force:
            if secret is not None:
                return self.enroll(secret=secret, now=now)
            raise ConfigurationError(
                f"this device's certificate ended on {have.certificate.not_valid_after_utc:%Y-%m-%d}",
                code="office.expired",
                hint="set a new enroll_secret, then: avatar-agent certs enroll",
            )
        if found is Standing.NOT_YET_VALID and not force:
            raise ConfigurationError(
                f"this device's certificate begins on {have.certificate.not_valid_before_utc:%Y-%m-%d},"
                f" and this device thinks it is {now:%Y-%m-%d}",
                code="office.not_yet_valid",
                hint="turn on time synchronisation: timedatectl set-ntp true",
            )
        if found is Standing.FRESH and not force:
            return None
        waiting = None if force else self._waiting(have, now=now)
        if waiting is not None:
            self._use(waiting, prove=True)
            return self.lineage.read(waiting)
        key = self.lineage.pending_key()
        self.reach(Point.CERTIFICATE_ASK)
        came = self.office.reenroll(request(key, device_id=self.device_id, renews=have.certificate))
        self.reach(Point.CERTIFICATE_ANSWERED)
        return self._take(key, came, now=now)

    def _waiting(self, have: Identity, *, now: datetime) -> int | None:
        """A renewed one that came and could not be shown to anybody yet: the next try needs no other."""
        newer = [version for version in self.lineage.versions() if version > (self.lineage.proven or 0)]
        for version in reversed(newer):
            try:
                identity = self.lineage.read(version)
                self._verify(identity, authorities=self.office.authorities(), now=now)
            except (IdentityError, TrustError):
                continue
            if identity.certificate.not_valid_after_utc > have.certificate.not_valid_after_utc:
                return version
        return None

    def take_over(self, identity: Identity, *, now: datetime) -> bool:
        """Put a key and certificate that were made elsewhere into use; whether the office has seen them work.

        Without an office to ask there is nothing that they could prove themselves to: an older certificate then stays
        on the disk, to fall back to.

        Raises:
            IdentityError: it is another device's, not for this use, or not valid now; nothing is kept.
            NetworkError, PermissionRefused: the office does not take it; the old one is in use.
        """
        top = identity.chain[-1]
        try:
            Trust(roots=[top], partial=True).verify(
                identity.chain, purpose=Purpose.CLIENT, now=now, name=self.device_id
            )
        except TrustError as error:  # no server showed it: somebody has named the file
            raise IdentityError(
                error.message, code=error.code, where=error.where,
                hint=f"it must be of device {self.device_id}, for TLS clients, and valid now (check the clock, too)",
            ) from error  # fmt: skip
        return self._deploy(identity, prove=bool(self.office.est_url or self.office.broker_url))

    def standing(self, identity: Identity, *, now: datetime) -> Standing:
        """What the certificate's validity says at a time."""
        return standing(validity_of(identity.certificate), seed=self.device_id, now=now)

    def settle(self) -> None:
        """Find out about a certificate that was put into use when power failed, before it had worked.

        What is refused gives way to the last one that has worked; without a network it stays as it is.
        """
        self._mend()
        lineage = self.lineage
        if lineage.live is None or lineage.live == lineage.proven:
            return
        with suppress(*UNDECIDED):
            self._prove()

    def _take(self, key: PrivateKey, came: Certificates, *, now: datetime) -> Identity:
        authorities = self.office.authorities()
        identity = Identity(key=key, chain=chain_of(key, came, authorities=authorities))
        self._verify(identity, authorities=authorities, now=now)
        self._deploy(identity, prove=True)
        return identity

    def _verify(self, identity: Identity, *, authorities: Certificates, now: datetime) -> None:
        """Against the roots that the office names; an office that names none stands for its authorities itself."""
        roots = [found for found in authorities if _is_root(found)]
        trust = Trust(roots=roots or authorities, partial=not roots)
        trust.verify(identity.chain, purpose=Purpose.CLIENT, now=now, name=self.device_id)

    def _deploy(self, identity: Identity, *, prove: bool) -> bool:
        version = self.lineage.add(identity)
        self.lineage.prune()
        self.reach(Point.CERTIFICATE_KEPT)
        return self._use(version, prove=prove)

    def _use(self, version: int, *, prove: bool) -> bool:
        self.lineage.deploy(version)
        self.reach(Point.CERTIFICATE_USED)
        if not prove:
            return False
        try:
            self._prove()
        except UNDECIDED:
            self.lineage.roll_back()
            raise
        return True

    def _prove(self) -> None:
        """Show the certificate in use where it is looked at; one that is refused is taken out of use."""
        try:
            self.office.prove()
        except UNDECIDED as error:
            if error.code in BROKEN_OFF:
                self._give_up()
            raise
        except (AgentError, CertError):
            self._give_up()
            raise
        self.lineage.confirm()
        self.reach(Point.CERTIFICATE_PROVEN)
        self.lineage.prune()

    def _give_up(self) -> None:
        """What was refused is not tried again: the next one has to be another."""
        self.lineage.roll_back()
        self.lineage.prune(keep=0)


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer
