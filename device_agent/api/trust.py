"""Whom TLS connections trust: the public authorities, and one more that the operator names."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

from device_agent.errors import ConfigurationError


class Trust:
    """One TLS context for a client's life, made when the first connection needs it: reading the public authorities
    takes tens of milliseconds, which a plain connection to this machine itself need not wait for.
    """

    def __init__(self, ca_file: Path | None, *, where: str = "") -> None:
        """``ca_file`` is trusted in addition.

        Raises:
            ConfigurationError: ``ca_file`` cannot be read or holds no certificate.
        """
        self._ca_file = ca_file
        self._where = where
        self._made: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        if ca_file is not None:
            self._add(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ca_file)

    @property
    def ready(self) -> bool:
        """Whether ``context`` answers at once."""
        return self._made is not None

    def context(self) -> ssl.SSLContext:
        """Always verifying, TLS 1.2 or newer; from any thread.

        Raises:
            ConfigurationError: as above, when the file changed since.
        """
        with self._lock:
            if self._made is None:
                import certifi  # late: it is slow to load, and plain connections do not need it

                made = ssl.create_default_context(cafile=certifi.where())
                made.minimum_version = ssl.TLSVersion.TLSv1_2
                made.set_alpn_protocols(["http/1.1"])
                if self._ca_file is not None:
                    self._add(made, self._ca_file)
                self._made = made
            return self._made

    def _add(self, context: ssl.SSLContext, ca_file: Path) -> None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except (OSError, ssl.SSLError) as exc:
            raise ConfigurationError(
                "the authority's certificate cannot be read",
                code="config.ca_file",
                where=self._where or str(ca_file),
                hint="ca_file names a PEM file",
            ) from exc
