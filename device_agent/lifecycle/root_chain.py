"""The roots of an operator's keys on this device: the one in the settings, and those that came after it.

A file of the state folder holds every root from the one in the settings to the newest, and each is verified anew from
the one before it whenever they are read: somebody who can write that file but has no root key gains nothing. What
does not verify is left out, and asked for again; how far the device had come is in its record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import msgspec

from certs import root as roots
from certs.errors import PrivateFileError, RootError
from certs.files import read_private, write_private
from certs.root import LONGEST, Root
from device_agent.config import Settings
from device_agent.errors import ConfigurationError
from device_agent.plain_file import read_plain

FILE = "roots.json"

MOST_LINKS = 64
"""Roots after the one in the settings: one each quarter for sixteen years, and no more to verify at each start."""

LONGEST_FILE = 1024 * 1024

LIMIT = MOST_LINKS * (LONGEST + 1) + 2
"""Bytes of the file: a list of documents."""

REPLACED: Mapping[str, object] = MappingProxyType(
    {"content_keys": None, "content_threshold": 1, "order_keys": None, "order_threshold": 1}
)
"""Settings that say what a root says, and what they are where nobody set them."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Roots that follow each other.

    Attributes:
        first: the one in the settings.
        links: those after it, each with the next version.
        damaged: the file held something that does not belong there.
    """

    first: Root
    links: tuple[Root, ...] = ()
    damaged: bool = False

    @property
    def last(self) -> Root:
        """The one whose keys count."""
        return self.links[-1] if self.links else self.first

    def digest_of(self, version: int) -> str:
        """Digest of the root of a version; empty where it is not here."""
        return next((root.digest for root in (self.first, *self.links) if root.version == version), "")

    def with_next(self, data: bytes, *, where: str) -> Chain:
        """The chain with one root more.

        Raises:
            RootError: it does not follow the last one (``certs.root.follow``), or ``root.chain``: there are too many.
        """
        if len(self.links) >= MOST_LINKS:
            raise RootError(
                f"{MOST_LINKS} roots follow the one in the settings, and no more are kept", code="root.chain",
                where=where, hint="give this device a newer one as its root (the last one will do)",
            )  # fmt: skip
        return replace(self, links=(*self.links, roots.follow(self.last, data, where=where)))


def load(settings: Settings) -> Chain:
    """The root in the settings and those on the disk that follow it; asks nobody, changes nothing.

    Raises:
        ConfigurationError: the settings contradict each other, or the file of the root cannot be read.
        RootError: what the settings name is no root.
    """
    file = _file_of(settings)
    try:
        data, _mode = read_plain(file, limit=LONGEST_FILE)
    except OSError as error:
        raise ConfigurationError(
            f"the root of keys cannot be read: {(error.strerror or type(error).__name__).lower()}",
            code="config.root",
            where=str(file),
            hint="root names the signed root that headquarters gave out",
        ) from error
    chain = Chain(first=roots.first(data, where=str(file)))
    try:
        kept = msgspec.json.decode(read_private(settings.state_dir / FILE, limit=LIMIT), type=list[msgspec.Raw])
    except PrivateFileError as error:
        return chain if error.code == "file.missing" else replace(chain, damaged=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return replace(chain, damaged=True)
    return _followed(chain, [bytes(document) for document in kept])


def keep(settings: Settings, chain: Chain) -> None:
    """Make the roots after the one in the settings durable.

    Raises:
        PrivateFileError: they cannot be written; what was there still is.
    """
    documents = [msgspec.Raw(root.document.strip()) for root in chain.links]
    write_private(settings.state_dir / FILE, msgspec.json.encode(documents))


def _followed(chain: Chain, documents: list[bytes]) -> Chain:
    """As far as they verify. Those up to the root in the settings are left out: that one was given later."""
    for document in documents:
        if not chain.links and _version(document) <= chain.first.version:
            continue
        try:
            chain = chain.with_next(document, where=FILE)
        except RootError:
            return replace(chain, damaged=True)
    return chain


def _version(document: bytes) -> int:
    """What a document says; believed only as a reason to leave it out."""
    try:
        return roots.unverified(document).version
    except RootError:
        return 2**53


def _file_of(settings: Settings) -> Path:
    if settings.root is None:
        raise ConfigurationError(
            "the setting root is missing: root_url says where the roots after it lie", code="config.missing",
            where=settings.where("root_url"), hint="name the signed root that headquarters gave out",
        )  # fmt: skip
    if twice := [name for name, unset in REPLACED.items() if getattr(settings, name) != unset]:
        raise ConfigurationError(
            f"{' and '.join(twice)} and root both say whose signatures count", code="config.root",
            where=settings.where(twice[0]), hint=f"leave out {' and '.join(twice)}: the root names keys and thresholds",
        )  # fmt: skip
    if settings.root_url and "{version}" not in settings.root_url:
        raise ConfigurationError(
            "root_url has no {version}: each root has an address of its own", code="config.root",
            where=settings.where("root_url"), hint='as in root_url = "https://fleet.example/roots/{version}.json"',
        )  # fmt: skip
    return settings.root
