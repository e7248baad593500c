"""Options of several fleet commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certs.errors import RootError
from device_agent.cli import options
from device_agent.cli.passphrase import passphrase
from device_agent.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Key = Annotated[Path, typer.Option("--key", help="The operator's key (operator.pem).", metavar="FILE")]
Expires = Annotated[
    str, typer.Option("--expires", help="12h, 7d, 4w from now, or 2027-01-31T00:00:00Z.", metavar="WHEN")
]


def opened(key: Path, pass_file: Path | None) -> Ed25519PrivateKey:
    """The operator's key; its pass phrase is asked for only if it has one."""
    from device_agent.fleet.operator_key import read

    return read(key, password=lambda: passphrase(pass_file))


def account(config: Path | None, tenant_id: str | None, app_id: str | None) -> tuple[int, str]:
    """Tenant and application, from the options or the settings.

    Raises:
        UsageError: one is missing.
    """
    settings = options.load_settings(config, tenant_id=tenant_id, app_id=app_id, for_device=False)
    if settings.tenant_id is None or not settings.app_id:
        missing = "--tenant-id" if settings.tenant_id is None else "--app-id"
        raise UsageError(
            "whose devices? tenant and application belong to what is signed",
            code="usage.account",
            where=missing,
            hint=f"give {missing}, or set it in the settings",
        )
    return settings.tenant_id, settings.app_id


@contextmanager
def given_roots() -> Iterator[None]:
    """A root that is no good came from no network here, but from a file that somebody has named.

    Raises:
        ConfigurationError: in the place of every RootError, with its code.
    """
    try:
        yield
    except RootError as error:
        raise ConfigurationError(error.message, code=error.code, where=error.where, hint=error.hint) from error


def printable(text: str) -> str:
    """What somebody else wrote, fit for a terminal: control characters become escapes."""
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)
