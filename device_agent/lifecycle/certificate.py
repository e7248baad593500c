"""The device's certificate: asked for, verified, put into use, and confirmed when it has worked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from certs.errors import CertError, IdentityError, TrustError
from certs.identity import Identity, new_key, request
from certs.lineage import Lineage
from certs.purpose import Purpose
from certs.rotation import Standing, Validity, standing
from certs.trust import Trust
from device_agent.config import Secret
from device_agent.errors import AgentError, ConfigurationError, NetworkError, ServerFault
from device_agent.lifecycle.office import Office
from device_agent.lifecycle.points import Point, Reach, unwatched

HANDSHAKE_ENDED = "network.tls"
"""The other side broke off the handshake: that is how TLS refuses a certificate."""


@dataclass(frozen=True, kw_only=True)
class CertificateKeeper:
    """One device's certificates and the office that makes them."""

    lineage: Lineage
    office: Office
    device_id: str
    reach: Reach = unwatched

    def enroll(self, *, secret: Secret | None, now: datetime) -> Identity:
        """A first certificate; what is there and valid stays.

        A request that was cut by a crash is repeated with the same key.

        Raises:
            ConfigurationError: no office or no secret is set.
            NetworkError, PermissionRefused: from the office.
            TrustError, IdentityError: what came is not a good certificate for this key and device; nothing is kept.
        """
        self._mend()
        have = self.have()
        if have is not None and self.standing(have, now=now) in (Standing.FRESH, Standing.DUE):
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
        chain = self.office.enroll(request(key, device_id=self.device_id), secret=secret)
        self.reach(Point.CERTIFICATE_ANSWERED)
        return self._take(Identity(key=key, chain=chain), now=now)

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
                self._verify(identity, now=now)
            except (IdentityError, TrustError):
                continue
            self._use(version, prove=True)
            return identity
        return None

    def renew(self, *, now: datetime, force: bool = False) -> Identity | None:
        """A further certificate with a key of its own when it is time; ``None`` when it is not.

        The old one stays until the new one has worked: a refusal or a cut puts it back into use.

        Raises:
            ConfigurationError: there is none to renew.
            NetworkError, PermissionRefused, TrustError, IdentityError: as ``enroll``; the old one is in use.
        """
        have = self.lineage.current()
        if have is None:
            raise ConfigurationError(
                "this device has no certificate", code="office.no_certificate", hint="avatar-agent certs enroll"
            )
        if not force and self.standing(have, now=now) is not Standing.DUE:
            return None
        key = new_key()
        self.reach(Point.CERTIFICATE_ASK)
        chain = self.office.reenroll(request(key, device_id=self.device_id))
        self.reach(Point.CERTIFICATE_ANSWERED)
        return self._take(Identity(key=key, chain=chain), now=now)

    def take_over(self, identity: Identity, *, now: datetime) -> bool:
        """Put a key and certificate that were made elsewhere into use; whether the office has seen them work.

        Without an office to ask there is nothing that they could prove themselves to: an older certificate then stays
        on the disk, to fall back to.

        Raises:
            TrustError: it is another device's, not for this use, or not valid now; nothing is kept.
            NetworkError, PermissionRefused: the office does not take it; the old one is in use.
        """
        top = identity.chain[-1]
        Trust(roots=[top], partial=True).verify(identity.chain, purpose=Purpose.CLIENT, now=now, name=self.device_id)
        return self._deploy(identity, prove=bool(self.office.est_url or self.office.broker_url))

    def standing(self, identity: Identity, *, now: datetime) -> Standing:
        """What the certificate's validity says at a time."""
        leaf = identity.certificate
        validity = Validity(not_before=leaf.not_valid_before_utc, not_after=leaf.not_valid_after_utc)
        return standing(validity, seed=self.device_id, now=now)

    def settle(self) -> None:
        """Find out about a certificate that was put into use when power failed, before it had worked.

        What is refused gives way to the last one that has worked; without a network it stays as it is.
        """
        self._mend()
        lineage = self.lineage
        if lineage.live is None or lineage.live == lineage.proven:
            return
        with suppress(NetworkError, ServerFault):
            self._prove()

    def _take(self, identity: Identity, *, now: datetime) -> Identity:
        self._verify(identity, now=now)
        self._deploy(identity, prove=True)
        return identity

    def _verify(self, identity: Identity, *, now: datetime) -> None:
        roots = [found for found in self.office.authorities() if _is_root(found)]
        Trust(roots=roots).verify(identity.chain, purpose=Purpose.CLIENT, now=now, name=self.device_id)

    def _deploy(self, identity: Identity, *, prove: bool) -> bool:
        version = self.lineage.add(identity)
        self.reach(Point.CERTIFICATE_KEPT)
        return self._use(version, prove=prove)

    def _use(self, version: int, *, prove: bool) -> bool:
        self.lineage.deploy(version)
        self.reach(Point.CERTIFICATE_USED)
        if not prove:
            return False
        try:
            self._prove()
        except (NetworkError, ServerFault):
            self.lineage.roll_back()
            raise
        return True

    def _prove(self) -> None:
        """Show the certificate in use where it is looked at; one that is refused is taken out of use."""
        try:
            self.office.prove()
        except (NetworkError, ServerFault) as error:
            if error.code == HANDSHAKE_ENDED:
                self.lineage.roll_back()
            raise
        except (AgentError, CertError):
            self.lineage.roll_back()
            raise
        self.lineage.confirm()
        self.reach(Point.CERTIFICATE_PROVEN)
        self.lineage.prune()


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer
