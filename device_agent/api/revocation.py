"""Revocation lists on this device: fetched from where the operator says, checked, kept on disk.

Fail closed: a host for which a list is configured is spoken to only with a list that is valid now. A device whose
list's host is down goes on until the list's own end (nextUpdate), and then as if the network were gone: its picture has
the offline budget. A list is asked for again at half of its life, at the latest 12 hours after it came.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from certs.errors import PrivateFileError, TrustError
from certs.files import private_directory, read_private, write_private
from device_agent.clock import Clock
from device_agent.errors import AgentError, NetworkError

if TYPE_CHECKING:
    from cryptography import x509

LONGEST = 4 * 1024 * 1024
"""Bytes of a list at most."""

AGAIN_S = 60.0
"""Seconds until a list that did not come is asked for again, while the one that is here is valid."""

Fetch = Callable[[str], bytes]
Authorities = Callable[[str], tuple[Path, ...]]


class RevocationLists:
    """The lists that the settings name; safe to share between threads."""

    def __init__(
        self, *, urls: Mapping[str, str], authorities: Authorities, folder: Path, fetch: Fetch, clock: Clock
    ) -> None:
        """Args:
        urls: host, or host:port, in lower case -> address of the list.
        authorities: entry of ``urls`` -> PEM files with who may have signed its list.
        folder: private; made when the first list is kept.
        fetch: the bytes at an address. Raises NetworkError.
        """
        self._urls = dict(urls)
        self._authorities = authorities
        self._folder = folder
        self._fetch = fetch
        self._clock = clock
        self._failed_at: dict[str, float] = {}
        self._due_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def covers(self, host: str, port: int) -> str:
        """The entry that names a host, empty when revocation is not checked there."""
        return next((entry for entry in (f"{host}:{port}", host) if entry in self._urls), "")

    def is_fresh(self, entry: str) -> bool:
        """Whether ``current`` answers without looking at anything."""
        return self._clock.wall() < self._due_at.get(entry, 0.0)

    def current(self, entry: str) -> Path:
        """A PEM file with a list that is valid now.

        Raises:
            NetworkError: there is none, and none can be had (code ``network.tls_crl``).
            PrivateFileError: the folder is not private.
        """
        path = self._path(entry)
        if self.is_fresh(entry):
            return path
        with self._lock:
            kept, came = self._kept(entry, path)
            now = self._now()
            due = kept is None or _is_due(kept, came=came, now=now)
            tried = self._clock.steady() - self._failed_at.get(entry, float("-inf")) < AGAIN_S
            if due and not (tried and kept is not None):
                kept = self._renewed(entry, path, kept)
            assert kept is not None
            self._due_at[entry] = self._next_look(kept, now)
        return path

    def _renewed(
        self, entry: str, path: Path, kept: x509.CertificateRevocationList | None
    ) -> x509.CertificateRevocationList:
        from cryptography.hazmat.primitives.serialization import Encoding

        from certs.revocation import check_list, read_list

        url = self._urls[entry]
        try:
            data = self._fetch(url)
            if len(data) > LONGEST:
                raise TrustError(f"the list is longer than {LONGEST // 1024**2} MiB", code="trust.crl_damaged")
            found = read_list(data)
            check_list(found, authorities=self._trusted(entry), now=self._now(), kept=kept)
        except (AgentError, TrustError) as error:
            self._failed_at[entry] = self._clock.steady()
            if kept is not None:
                return kept  # valid still: what did not come may come next time
            ours = isinstance(error, TrustError) and error.hint
            raise NetworkError(
                f"there is no valid revocation list for {entry}: {error.message}",
                code="network.tls_crl",
                where=url.partition("?")[0],
                hint=error.hint if ours else "check crl_urls; until the list can be had, that host is not spoken to",
            ) from error
        private_directory(self._folder)
        write_private(path, found.public_bytes(Encoding.PEM))
        self._failed_at.pop(entry, None)
        return found

    def _kept(self, entry: str, path: Path) -> tuple[x509.CertificateRevocationList | None, datetime]:
        """The list on disk, if it is whole, signed and valid now, and when it came."""
        from certs.revocation import check_list, read_list

        try:
            found = read_list(read_private(path, limit=2 * LONGEST))
            check_list(found, authorities=self._trusted(entry), now=self._now())
            return found, datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
        except TrustError:
            return None, self._now()
        except PrivateFileError as error:
            if error.code not in ("file.missing", "file.long"):
                raise
            return None, self._now()

    def _trusted(self, entry: str) -> list[x509.Certificate]:
        from certs.identity import read_chain

        return [found for file in self._authorities(entry) for found in read_chain(file.read_bytes(), where=str(file))]

    def _next_look(self, kept: x509.CertificateRevocationList, now: datetime) -> float:
        """Until when nothing has to be looked at: a minute, or less where the list ends before."""
        ends = kept.next_update_utc
        return min(now.timestamp() + AGAIN_S, ends.timestamp() if ends is not None else 0.0)

    def _path(self, entry: str) -> Path:
        name = hashlib.sha256(f"{entry} {self._urls[entry]}".encode()).hexdigest()[:32]
        return self._folder / f"{name}.pem"

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), tz=UTC)


def _is_due(kept: x509.CertificateRevocationList, *, came: datetime, now: datetime) -> bool:
    from certs.revocation import is_due

    return is_due(kept, came=came, now=now)
