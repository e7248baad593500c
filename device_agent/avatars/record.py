"""What the cache keeps about an avatar beside its sealed package; it holds the secret, so its file is private."""

from __future__ import annotations

from pathlib import Path

import msgspec

from certs.errors import PrivateFileError
from certs.files import read_private, write_private
from device_agent.avatars.partial import storage
from device_agent.avatars.render_data import RenderData
from device_agent.errors import PackageError

NAME = "active.json"
PREVIOUS = "previous.json"


class Record(msgspec.Struct, kw_only=True, frozen=True):
    """The active package of one avatar, or the one before it.

    Attributes:
        code: the avatar's code.
        sha256: hash of the sealed package, and the stem of its file name.
        size: length of the sealed package in bytes.
        etag: the server's entity tag; may be empty.
        order: grows with every fetch on this device, so that the latest avatar is known without a clock.
        url, secret, type, promised_sha256, promised_size, version, raw: the RenderData it was fetched with.
    """

    code: str
    sha256: str
    size: int
    etag: str
    order: int
    url: str
    secret: str
    type: str
    promised_sha256: str | None
    promised_size: int | None
    version: str
    raw: str

    @classmethod
    def of(cls, data: RenderData, *, code: str, sha256: str, size: int, etag: str, order: int) -> Record:
        """The record of a package and the RenderData that brought it."""
        return cls(
            code=code,
            sha256=sha256,
            size=size,
            etag=etag,
            order=order,
            url="".join(data.url),  # plain texts: the file is where they belong
            secret="".join(data.secret),
            type=data.type,
            promised_sha256=data.sha256,
            promised_size=data.size,
            version=data.version,
            raw="".join(data.raw),
        )

    def render_data(self) -> RenderData:
        """The RenderData as it was."""
        return RenderData(
            url=self.url,
            secret=self.secret,
            type=self.type,
            sha256=self.promised_sha256,
            size=self.promised_size,
            version=self.version,
            raw=self.raw,
        )

    def __repr__(self) -> str:
        return f"Record(code={self.code!r}, sha256={self.sha256!r}, size={self.size!r}, order={self.order!r})"


def read_record(folder: Path, name: str = NAME) -> Record | None:
    """The folder's record, or by its name that of the package before; None if there is none or it is damaged: fetching
    heals that.

    Raises:
        ConfigurationError: the file is not private, or cannot be read.
    """
    with storage(folder):
        try:
            record = msgspec.json.decode(read_private(folder / name), type=Record)
            record.render_data().check_url()
            return record
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, PackageError):
            return None
        except PrivateFileError as error:
            if error.code == "file.missing":
                return None
            raise


def write_record(folder: Path, record: Record, name: str = NAME) -> None:
    """Make the record the active one, or by its name the one before, in one step.

    Raises:
        ConfigurationError: it cannot be written; the old record is still there.
    """
    with storage(folder):
        write_private(folder / name, msgspec.json.encode(record))
