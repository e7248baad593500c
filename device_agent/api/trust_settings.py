"""The trust that the settings describe, for everybody who connects on this device's behalf."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from device_agent.api.exchange import Exchange
from device_agent.api.network import Network
from device_agent.api.trust import Trust
from device_agent.clock import Clock, SystemClock
from device_agent.config import Settings
from device_agent.errors import NetworkError

LISTS = "crls"
"""Folder of the revocation lists, below the cache folder."""


def trust_of(settings: Settings, *, environ: Mapping[str, str], clock: Clock | None = None) -> Trust:
    """Public authorities, ``ca_file``, ``ca_files``, and revocation lists where ``crl_urls`` names them.

    Raises:
        ConfigurationError: a file cannot be read or holds no certificate.
    """
    plain = Trust(settings.ca_file, hosts=settings.ca_files, where=_where(settings))
    if not settings.crl_urls:
        return plain
    from device_agent.api.revocation import RevocationLists

    clock = clock or SystemClock()

    def fetch(url: str) -> bytes:
        """The list itself is signed: its host is not asked for a list of its own, or that would never end."""
        network = Network(
            trust=plain, proxy=settings.proxy, environ=environ, clock=clock,
            connect_timeout_s=settings.connect_timeout_s, timeout_s=settings.timeout_s,
        )  # fmt: skip
        try:
            answer = network.send(Exchange(method="GET", url=url, headers={}))
        finally:
            network.close()
        if answer.status != 200:
            raise NetworkError(
                f"the revocation list is not there (HTTP {answer.status})",
                code="network.tls_crl",
                hint="check crl_urls",
            )
        return answer.body

    def authorities(entry: str) -> tuple[Path, ...]:
        host, _, port = entry.rpartition(":") if entry.rpartition(":")[2].isdigit() else (entry, "", "443")
        return tuple(file for _setting, file in plain.says(host, int(port)))

    lists = RevocationLists(
        urls=settings.crl_urls, authorities=authorities, folder=settings.cache_dir / LISTS, fetch=fetch, clock=clock
    )
    return Trust(settings.ca_file, hosts=settings.ca_files, lists=lists, where=_where(settings))


def _where(settings: Settings) -> str:
    return settings.where("ca_file") if settings.ca_file is not None and not settings.ca_files else ""
