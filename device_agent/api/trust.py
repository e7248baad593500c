"""Whom TLS connections trust: the public authorities, what the operator adds for all hosts or for one, and whose
certificates must also not have been revoked.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from device_agent.api.memory_file import in_memory
from device_agent.errors import ConfigurationError
from device_agent.plain_file import read_plain

FILE_LIMIT = 16 * 1024 * 1024
"""Bytes of a file of authorities; all public ones together have a quarter of one MiB."""


class Lists(Protocol):
    """Where revocation lists come from: see ``revocation.RevocationLists``."""

    def covers(self, host: str, port: int) -> str:
        """The entry that names a host, empty when revocation is not checked there."""

    def current(self, entry: str) -> Path:
        """A PEM file with a list that is valid now. May ask the network. Raises NetworkError when there is none."""

    def is_fresh(self, entry: str) -> bool:
        """Whether ``current`` answers at once."""


class Trust:
    """One TLS context for each set of authorities, made when the first connection needs it: reading the public ones
    takes tens of milliseconds, which a plain connection to this machine itself need not wait for. Share one of these
    between all that connect; it is safe to use from any thread.
    """

    def __init__(
        self,
        ca_file: Path | None,
        *,
        hosts: Mapping[str, Path] | None = None,
        lists: Lists | None = None,
        where: str = "",
    ) -> None:
        """``ca_file`` is trusted in addition for every host, a file of ``hosts`` for its host only.

        Args:
            hosts: host, or host:port, in lower case -> PEM file.
            lists: revocation lists; a host that they cover is spoken to only if its certificate is not on a list that
                is valid now.
            where: which setting to name when a file is no good.

        Raises:
            ConfigurationError: a file cannot be read or holds no certificate.
        """
        self._ca_file = ca_file
        self._hosts = dict(hosts or {})
        self._lists = lists
        self._where = where
        self._made: dict[tuple[Path | None, str], tuple[tuple[int, int], ssl.SSLContext]] = {}
        self._lock = threading.Lock()
        for name, file in self._added():
            self._add(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), file, name)

    def ready(self, host: str, port: int = 443) -> bool:
        """Whether ``context`` answers at once."""
        file, entry = self._kind(host, port)
        return (file, entry) in self._made and (not entry or self._lists is None or self._lists.is_fresh(entry))

    def context(self, host: str, port: int = 443) -> ssl.SSLContext:
        """Always verifying, TLS 1.2 or newer.

        Raises:
            ConfigurationError: a file changed since, and cannot be read.
            NetworkError: the host's certificate must be checked for revocation, and no valid list can be had.
        """
        file, entry = self._kind(host, port)
        revoked = self._lists.current(entry) if self._lists is not None and entry else None
        with self._lock:
            stamp = _stamp(revoked)
            kept = self._made.get((file, entry))
            if kept is None or kept[0] != stamp:
                kept = self._made[file, entry] = (stamp, self._make(file, revoked))
            return kept[1]

    def with_identity(self, host: str, port: int, *, pem: bytes) -> ssl.SSLContext:
        """A context of its own that also shows a certificate; for a few connections, not kept.

        Args:
            pem: the private key and its certificates, leaf first; they get to OpenSSL without touching a disk.

        Raises:
            OSError: they cannot be used (``ssl.SSLError`` is one).
            ConfigurationError, NetworkError: as ``context``.
        """
        file, entry = self._kind(host, port)
        revoked = self._lists.current(entry) if self._lists is not None and entry else None
        context = self._make(file, revoked)
        with in_memory(pem) as path:
            context.load_cert_chain(path)
        return context

    def says(self, host: str, port: int = 443) -> list[tuple[str, Path]]:
        """The operator's files that count for a host, each with its setting."""
        own = self._kind(host, port)[0]
        return [(name, file) for name, file in self._added() if name == "ca_file" or file == own]

    def _kind(self, host: str, port: int) -> tuple[Path | None, str]:
        host = host.lower().rstrip(".")
        own = self._hosts.get(f"{host}:{port}") or self._hosts.get(host)
        return own, self._lists.covers(host, port) if self._lists is not None else ""

    def _added(self) -> list[tuple[str, Path]]:
        everywhere = [("ca_file", self._ca_file)] if self._ca_file is not None else []
        return everywhere + [(f"ca_files.{host}", file) for host, file in self._hosts.items()]

    def _make(self, file: Path | None, revoked: Path | None) -> ssl.SSLContext:
        import certifi  # late: it is slow to load, and plain connections do not need it

        made = ssl.create_default_context(cafile=certifi.where())
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.set_alpn_protocols(["http/1.1"])
        if self._ca_file is not None:
            self._add(made, self._ca_file, "ca_file")
        if file is not None:
            self._add(made, file, "ca_files")
        if revoked is not None:
            made.load_verify_locations(cafile=str(revoked))
            made.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        return made

    def _add(self, context: ssl.SSLContext, file: Path, setting: str) -> None:
        try:
            read_plain(file, limit=FILE_LIMIT)  # OpenSSL would wait for a pipe
            context.load_verify_locations(cafile=str(file))
        except OSError as exc:  # ssl.SSLError is one
            raise ConfigurationError(
                "the authority's certificate cannot be read",
                code="config.ca_file",
                where=self._where or str(file),
                hint=f"{setting} names a PEM file",
            ) from exc


def _stamp(file: Path | None) -> tuple[int, int]:
    """Tells one state of a file from the next: it is replaced, never written into."""
    if file is None:
        return 0, 0
    status = file.stat()
    return status.st_ino, status.st_mtime_ns
