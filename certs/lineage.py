"""Versions of one certificate on disk, and which of them is in use.

    root/                    0700
      archive/0001/          0700: key.pem and chain.pem, 0600; a version never changes once it is there
      live -> archive/0002   the version in use; other programs can read live/chain.pem, and live/key.pem if it is bare
      proven -> archive/0001 the last version that has worked; the same as live, except while live is new
      pending.pem            0600: a key that was made and has no certificate yet

Both links are switched by one rename, so a crash leaves the old or the new version, never a key with another's
certificate. The old version stays until the new one has worked: ``deploy`` moves live, ``confirm`` moves proven,
``roll_back`` moves live back.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography import x509

from certs.cover import BARE, Cover, is_covered, put_under
from certs.errors import IdentityError, PrivateFileError, SealError
from certs.files import erase, private_directory, read_private, sync_directory, told, write_private
from certs.identity import Identity, PrivateKey, key_pem, new_key, read_chain, read_key

_VERSION = re.compile(r"[0-9]{4,9}")
_LIVE, _PROVEN, _PENDING = "live", "proven", "pending.pem"
_KEY, _CHAIN = "key.pem", "chain.pem"


class Lineage:
    """The versions below ``root``. One process writes at a time; any may read."""

    def __init__(self, *, root: Path, cover: Cover = BARE) -> None:
        """``cover`` is between the keys and their files; certificates are no secret."""
        self._root = root
        self._cover = cover
        self._archive = root / "archive"

    def pending_key(self) -> PrivateKey:
        """The key that waits for its certificate; made and made durable if there is none, or a damaged one.

        A request that is repeated after a crash, or because nobody has decided yet, thus asks for the same key again.

        Raises:
            PrivateFileError: it cannot be kept.
        """
        private_directory(self._root)
        path = self._root / _PENDING
        try:
            return self._pending(path)
        except PrivateFileError as error:
            if error.code != "file.missing":
                raise
        except IdentityError:  # nobody has certified it: no more is lost than a request
            pass
        key = new_key()
        write_private(path, self._cover.close(self._name(_PENDING), key_pem(key)))
        return key

    def _pending(self, path: Path) -> PrivateKey:
        return read_key(self._opened(read_private(path), _PENDING), where=str(path))

    def add(self, identity: Identity) -> int:
        """Keep an identity as the next version, not yet in use; gives its number. Clears the pending key if it is its.

        Raises:
            PrivateFileError: it cannot be written.
        """
        private_directory(self._root)
        private_directory(self._archive)
        self._sweep()
        version = max(self.versions(), default=0) + 1
        fresh = self._archive / f".{secrets.token_hex(8)}.new"
        private_directory(fresh)
        try:
            write_private(fresh / _KEY, self._cover.close(self._name(self._relative(version)), identity.key_pem()))
            write_private(fresh / _CHAIN, identity.chain_pem())
            with told(fresh):
                os.rename(fresh, self._folder(version))
                sync_directory(self._archive)
        except BaseException:
            with suppress(PrivateFileError):
                erase(fresh)
            raise
        with suppress(PrivateFileError, IdentityError):
            if self._pending(self._root / _PENDING).public_key() == identity.key.public_key():
                erase(self._root / _PENDING)
        return version

    def deploy(self, version: int) -> None:
        """Put a version into use; the proven one stays what it is.

        Raises:
            IdentityError: there is no such version, or it is damaged.
            PrivateFileError: the link cannot be moved.
        """
        self.read(version)
        if self.proven is None:
            self._point(_PROVEN, version)
        self._point(_LIVE, version)

    def confirm(self) -> None:
        """The version in use has worked: it is the one to fall back to from now on."""
        if self.live is None:
            raise IdentityError("no certificate is in use", code="identity.not_deployed", where=str(self._root))
        self._point(_PROVEN, self.live)

    def roll_back(self) -> int | None:
        """Use the last version that has worked again; gives its number, None if there is none."""
        proven = self.proven
        if proven is not None and proven != self.live:
            self._point(_LIVE, proven)
        return proven

    @property
    def live(self) -> int | None:
        """Number of the version in use."""
        return self._target(_LIVE)

    @property
    def proven(self) -> int | None:
        """Number of the last version that has worked, or of the first one while none has."""
        return self._target(_PROVEN)

    def versions(self) -> tuple[int, ...]:
        """Numbers of all versions, oldest first.

        Raises:
            PrivateFileError: the disk does not say.
        """
        with told(self._archive):
            try:
                names = os.listdir(self._archive)
            except FileNotFoundError:
                return ()
        return tuple(sorted(int(name) for name in names if _VERSION.fullmatch(name)))

    def read(self, version: int) -> Identity:
        """One version's key and certificates.

        Raises:
            IdentityError: it is not there, or damaged.
            PrivateFileError: others can reach its files.
        """
        folder = self._folder(version)
        chain = self._kept(version, _CHAIN)
        key = self._opened(self._kept(version, _KEY), self._relative(version))
        return Identity.from_pem(key, chain, where=str(folder))

    def certificates(self, version: int) -> tuple[x509.Certificate, ...]:
        """One version's certificates, the device's own first, without looking at its key.

        Raises:
            IdentityError: they are not there, or damaged.
            PrivateFileError: others can reach their file.
        """
        return read_chain(self._kept(version, _CHAIN), where=str(self._folder(version)))

    def is_covered(self, version: int) -> bool:
        """Whether a version's key is under a cover. Raises IdentityError and PrivateFileError as ``certificates``."""
        return is_covered(self._kept(version, _KEY))

    def put_under_cover(self) -> int:
        """Cover the keys that lie bare, and remove what a crash left half written; gives how many were bare.

        Raises:
            PrivateFileError: one cannot be read or written.
        """
        if not self._root.is_dir():
            return 0
        if self._archive.is_dir():
            self._sweep()
        names = [_PENDING, *(self._relative(version) for version in self.versions())]
        return sum(put_under(self._cover, self._root / name, name=self._name(name)) for name in names)

    def _kept(self, version: int, name: str) -> bytes:
        path = self._folder(version) / name
        try:
            return read_private(path)
        except PrivateFileError as error:
            if error.code != "file.missing":
                raise
            raise IdentityError(
                f"there is no complete version {version} of the certificate",
                code="identity.missing",
                where=str(path.parent),
                hint="enroll again",
            ) from error

    def _opened(self, kept: bytes, name: str) -> bytes:
        try:
            return self._cover.open(self._name(name), kept)
        except SealError as error:
            raise IdentityError(
                "the private key cannot be opened: it was sealed with a key that is gone, or changed",
                code="identity.sealed",
                where=str(self._root / name),
                hint="enroll again",
            ) from error

    def _relative(self, version: int) -> str:
        return f"{self._archive.name}/{version:04d}/{_KEY}"

    def _name(self, name: str) -> str:
        """What a cover knows a file by: where the folder itself is does not matter."""
        return f"{self._root.name}/{name}"

    def current(self) -> Identity | None:
        """The identity to use: the live version, or the proven one if live is damaged; None before the first.

        Raises:
            IdentityError: both are damaged.
        """
        live, proven = self.live, self.proven
        if live is None:
            return None if proven is None else self.read(proven)
        try:
            return self.read(live)
        except IdentityError:
            if proven is None or proven == live:
                raise
            return self.read(proven)

    def prune(self, *, keep: int = 1) -> tuple[int, ...]:
        """Erase versions that are neither live nor proven nor among the ``keep`` newest; gives their numbers."""
        versions = self.versions()
        kept = {self.live, self.proven, *(versions[-keep:] if keep > 0 else ())}
        gone = tuple(version for version in versions if version not in kept)
        for version in gone:
            erase(self._folder(version))
        return gone

    def erase(self) -> None:
        """Remove every key and certificate, in use or not; fine if there is nothing.

        Raises:
            PrivateFileError: something could not be removed.
        """
        for name in (_LIVE, _PROVEN, _PENDING, self._archive.name):
            erase(self._root / name)
        with told(self._root), suppress(FileNotFoundError):
            for name in os.listdir(self._root):
                if name.endswith(".link"):
                    erase(self._root / name)

    def _folder(self, version: int) -> Path:
        return self._archive / f"{version:04d}"

    def _target(self, name: str) -> int | None:
        try:
            target = os.readlink(self._root / name)
        except OSError:
            return None
        folder = Path(target)
        return int(folder.name) if folder.parent == Path("archive") and _VERSION.fullmatch(folder.name) else None

    def _point(self, name: str, version: int) -> None:
        fresh = self._root / f".{name}.{secrets.token_hex(8)}.link"
        with told(self._root / name):
            os.symlink(f"archive/{version:04d}", fresh)
            try:
                os.rename(fresh, self._root / name)
            except BaseException:
                fresh.unlink(missing_ok=True)
                raise
            sync_directory(self._root)

    def _sweep(self) -> None:
        """Remove versions that a crash left half written: they hold a key."""
        with told(self._archive):
            for name in os.listdir(self._archive):
                if name.startswith(".") and name.endswith(".new"):
                    erase(self._archive / name)
