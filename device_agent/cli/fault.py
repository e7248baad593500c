"""How an error reaches the person or the script that called the command."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from certs.errors import (
    CertError,
    EnvelopeError,
    IdentityError,
    LicenseError,
    ManifestError,
    OrderError,
    PrivateFileError,
    RootError,
    SealError,
    TrustError,
)
from device_agent.errors import AgentError
from device_agent.redaction import traceback_of
from renderer.errors import AssetError, GraphicsError, OutputError, RenderError

if TYPE_CHECKING:
    import typer

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (LicenseError, 4),
    (EnvelopeError, 7),
    (ManifestError, 7),
    (OrderError, 4),
    (RootError, 5),
    (PrivateFileError, 3),
    (SealError, 3),
    (IdentityError, 3),
    (TrustError, 5),
    (AssetError, 7),
    (GraphicsError, 8),
    (OutputError, 3),
)


def exit_status(error: Exception) -> int:
    """The documented exit status of an error; 1 for anything that is not in the trees."""
    if isinstance(error, AgentError):
        return error.exit_status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 1)


def report(error: Exception, *, as_json: bool) -> int:
    """Say what went wrong: one line on stderr and, with ``--json``, one object on stdout; the exit status.

    An error outside the trees is a defect of ours: it is named by type alone, because its text may hold anything;
    ``AVATAR_AGENT_TRACEBACK=1`` shows the traceback, masked like a log.
    """
    status = exit_status(error)
    if isinstance(error, AgentError | CertError | RenderError):
        code, message = error.code, str(error)
        fields = {"message": error.message, "where": error.where, "hint": error.hint}
        if isinstance(error, AgentError) and error.request_id:
            fields["request_id"] = error.request_id
    else:
        if os.environ.get("AVATAR_AGENT_TRACEBACK") == "1":
            sys.stderr.write(traceback_of(error))
        code, message = (
            "internal",
            f"unexpected {type(error).__name__}: set AVATAR_AGENT_TRACEBACK=1 for the traceback",
        )
        fields = {"message": message, "where": "", "hint": ""}
    _tell(code, message, status, fields, as_json=as_json)
    return status


def report_usage(error: typer.TyperException, *, as_json: bool) -> int:
    """Say which option or argument is wrong, as ``report`` does; the exit status."""
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the whole help
        sys.stdout.write(error.format_message() + "\n")
        return error.exit_code
    message = error.format_message().replace(": Value error, ", ": ")  # what checks the values says so of itself
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else "avatar-agent --help"
    fields = {"message": message, "where": "", "hint": hint}
    _tell("usage", f"{message.removesuffix('.')}: {hint}", error.exit_code, fields, as_json=as_json)
    return error.exit_code


def _tell(code: str, message: str, status: int, fields: dict[str, str], *, as_json: bool) -> None:
    sys.stderr.write(f"avatar-agent: {' '.join(message.split())} [{code}]\n")
    if as_json:
        facts = {"ok": False, "code": code, "exit_status": status, **fields}
        with suppress(OSError):  # a stdout that takes nothing may be what is reported
            sys.stdout.write(json.dumps(facts) + "\n")
            sys.stdout.flush()
