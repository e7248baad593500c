"""HTTPS for the stand-in: a small authority of its own, and a certificate for the names it answers to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from certs.authority import Authority
from certs.files import private_directory, read_private, write_private
from certs.identity import Identity, new_key
from certs.purpose import Purpose

AUTHORITY_LIFETIME = timedelta(days=3650)
SERVER_LIFETIME = timedelta(days=397)
"""As long as browsers accept at most."""

CA_FILE = "ca.pem"
TLS_FOLDER = "tls"
OWN_NAMES = ("localhost", "127.0.0.1", "::1")
_WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 -- compared with, not bound to


@dataclass(frozen=True, kw_only=True)
class ServerFiles:
    """What a TLS server loads, and what its clients are told to trust; PEM files of mode 0600.

    Attributes:
        ca_file: the authority's certificate.
        certificate: the server's certificate.
        key: its key.
    """

    ca_file: Path
    certificate: Path
    key: Path


def server_files(folder: Path, *, host: str, now: datetime) -> ServerFiles:
    """A fresh certificate for this machine's own names and ``host``, signed by the authority kept in ``folder``.

    The authority is made when there is none and stays for as long as it can sign a whole server's lifetime, so that
    clients that trust it go on doing so over restarts with the same ``--data``.

    Args:
        folder: made with mode 0700.
        host: the address listened on; a wildcard adds no name.
        now: the real time: clients check against theirs, not against the stand-in's.

    Raises:
        PrivateFileError: the folder cannot be used, or others can read it.
        IdentityError: what lies there is no authority.
    """
    private_directory(folder)
    files = ServerFiles(ca_file=folder / CA_FILE, certificate=folder / "server.pem", key=folder / "server-key.pem")
    authority = kept_authority(folder, now=now)
    key = new_key()
    chain = authority.issue(
        key.public_key(),
        subject="avatar-harness",
        purpose=Purpose.SERVER,
        now=now,
        lifetime=SERVER_LIFETIME,
        names=OWN_NAMES if host in (*OWN_NAMES, *_WILDCARDS) else (*OWN_NAMES, host),
    )
    identity = Identity(key=key, chain=chain)
    write_private(files.key, identity.key_pem())
    write_private(files.certificate, identity.chain_pem())
    return files


def kept_authority(folder: Path, *, now: datetime) -> Authority:
    """The authority of a private folder, made when there is none: who trusts it goes on doing so over restarts.

    Raises:
        PrivateFileError: the folder cannot be used, or others can read it.
        IdentityError: what lies there is no authority.
    """
    certificate, key = folder / CA_FILE, folder / "ca-key.pem"
    if certificate.exists() and key.exists():
        kept = Authority(
            identity=Identity.from_pem(read_private(key), read_private(certificate), where=str(certificate))
        )
        if now + SERVER_LIFETIME <= kept.certificate.not_valid_after_utc:
            return kept
    made = Authority.create(name="Avatar Device Agent harness", now=now, lifetime=AUTHORITY_LIFETIME)
    write_private(key, made.identity.key_pem())
    write_private(certificate, made.identity.chain_pem())
    return made
