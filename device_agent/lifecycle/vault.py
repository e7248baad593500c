"""The device's secrets: files of mode 0600 in a folder of mode 0700, apart from the record; under the storage key where
the device has one (``keyring``).

A secret is written before the phase that needs it and erased after the phase that gives it up. Tokens of a session
(ImToken) are never here: they live in memory.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from certs.cover import BARE, Cover, is_covered, put_under
from certs.errors import PrivateFileError, SealError
from certs.files import erase, private_directory, read_private, write_private
from device_agent.config import Secret
from device_agent.lifecycle.points import Point, Reach, unwatched

if TYPE_CHECKING:
    from certs.lineage import Lineage

FOLDER = "secrets"
BARE_TOKENS = ("token", "token.previous")
"""Files of an older layout; the first token that is kept in the present one takes them away, after it is durable."""

NAMES = ("license.json", "license.new.json", "license.previous.json", "token.json", *BARE_TOKENS)

AVATARS = "avatars"
"""Folder of the sealed avatars, below the cache folder; their records hold wrapped keys."""


class Vault:
    """Secrets of one state folder."""

    def __init__(self, state_dir: Path, *, cover: Cover = BARE, reach: Reach = unwatched) -> None:
        """``cover`` is between the secrets and their files."""
        self._folder = state_dir / FOLDER
        self._cover = cover
        self._reach = reach

    def put_license(self, text: str) -> None:
        """Keep the licence (its JSON form) in force."""
        self._put("license.json", text)

    def license(self) -> Secret | None:
        """The JSON form of the licence in force; ``None`` when there is none."""
        return self._get("license.json")

    @property
    def license_is_here(self) -> bool:
        """Whether a copy of a licence is kept, without looking into it."""
        return (self._folder / "license.json").exists()

    def put_new_license(self, text: str) -> None:
        """Keep a licence that has not worked yet beside the one in force."""
        self._put("license.new.json", text)

    def new_license(self) -> Secret | None:
        """The licence that has not worked yet, or is not in force yet; ``None`` when there is none."""
        return self._get("license.new.json")

    def forget_new_license(self) -> None:
        """Remove it; may be repeated."""
        self._forget("license.new.json")

    def put_previous_license(self, text: str) -> None:
        """Keep the licence that the avatar on this device was fetched with."""
        self._put("license.previous.json", text)

    def previous_license(self) -> Secret | None:
        """The licence before the one in force, while an avatar may need it; ``None`` when there is none."""
        return self._get("license.previous.json")

    def forget_previous_license(self) -> None:
        """Remove it; may be repeated."""
        self._forget("license.previous.json")

    def put_token(self, text: str) -> None:
        """Keep the token of LicenseAuth and what is known of it (``token.Token`` as JSON), in one step."""
        self._put("token.json", text)
        for name in BARE_TOKENS:
            if os.path.lexists(self._folder / name):
                self._forget(name)

    def token(self) -> Secret | None:
        """The token of LicenseAuth, as it was put; ``None`` when there is none."""
        return self._get("token.json")

    def bare_tokens(self) -> tuple[Secret | None, Secret | None]:
        """The token and the one before as an older layout has them, bare; ``None`` for what there is not."""
        token, previous = (self._get(name) for name in BARE_TOKENS)
        return token, previous

    def forget_token(self) -> None:
        """Remove the tokens of an order that is gone; the licence and the identity stay. May be repeated."""
        for name in (*BARE_TOKENS, "token.json"):
            erase(self._folder / name)

    @property
    def identity_folder(self) -> Path:
        """Where the device's key and certificates are; below the secrets, so that erasing takes them along."""
        return self._folder / "identity"

    @property
    def lineage(self) -> Lineage:
        """The device's key and certificates."""
        from certs.lineage import Lineage  # late: it is slow to load, and most need none

        return Lineage(root=self.identity_folder, cover=self._cover)

    def put_under_cover(self) -> int:
        """Cover the secrets that lie bare, and remove what crashes left of earlier writes; gives how many were bare.

        Raises:
            PrivateFileError: one cannot be read or written; it stays as it was.
        """
        if not self._folder.is_dir():
            return 0
        covered = 0
        for name in NAMES:
            self._reach(Point.SECRET_WRITE)
            covered += put_under(self._cover, self._folder / name, name=name)
            self._reach(Point.SECRET_WRITTEN)
        return covered + self.lineage.put_under_cover()

    def bare(self) -> list[str]:
        """Names of the secrets that lie bare on the disk. Raises PrivateFileError when one cannot be read."""
        if not self._folder.is_dir():
            return []
        paths = [self._folder / name for name in NAMES] + [
            path for path in self.identity_folder.rglob("*.pem") if path.name != "chain.pem"
        ]
        found = (path for path in paths if path.is_file() and not is_covered(read_private(path)))
        return [str(path.relative_to(self._folder)) for path in found]

    def forget_device(self) -> None:
        """Remove what belongs to this one device, and keep the licence; may be repeated."""
        self.forget_token()
        erase(self._folder / "identity")

    def erase(self) -> None:
        """Remove every secret; may be repeated."""
        erase(self._folder)

    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._folder.is_dir() or not any(self._folder.iterdir())

    def _put(self, name: str, text: str) -> None:
        private_directory(self._folder)
        self._reach(Point.SECRET_WRITE)
        write_private(self._folder / name, self._cover.close(name, text.encode()))
        self._reach(Point.SECRET_WRITTEN)

    def _forget(self, name: str) -> None:
        self._reach(Point.SECRET_WRITE)
        erase(self._folder / name)
        self._reach(Point.SECRET_WRITTEN)

    def _get(self, name: str) -> Secret | None:
        try:
            return Secret(self._cover.open(name, read_private(self._folder / name)).decode())
        except PrivateFileError as error:
            if error.code == "file.missing":
                return None
            raise
        except SealError:  # as lost as if it were not there: what gives it back is the same
            return None
