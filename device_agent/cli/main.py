"""The command ``avatar-agent``: one file per subcommand; heavy imports happen inside the subcommands."""

from __future__ import annotations

import errno
import importlib
import io
import os
import resource
import signal
import sys
import warnings
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from device_agent.cli.direct import read
from device_agent.cli.fault import report, report_usage
from device_agent.errors import ConfigurationError

if TYPE_CHECKING:
    import typer

COMMANDS = (
    "demo",
    "harness",
    "bind",
    "start",
    "fetch",
    "render",
    "unbind",
    "status",
    "run",
    "certs",
    "install",
    "doctor",
    "preview",
    "inspect",
    "api",
    "fleet",
)
"""Subcommands in the order that ``--help`` shows them; each is a module with ``register(app)``."""

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of the signal, as shells have it."""


def build() -> typer.Typer:
    """The command-line application with every subcommand registered."""
    import typer  # late: see ``direct``

    app = typer.Typer(
        name="avatar-agent",
        help="Show a licensed 3D digital human on this device: bind, fetch, draw, unbind.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in ("version", *COMMANDS):
        importlib.import_module(f"device_agent.cli.{name}").register(app)
    return app


def main() -> None:
    """Run the command line; every error ends in one line and the documented exit status.

    SIGTERM and SIGHUP end a command as Ctrl-C does, so that what it was writing is taken away; commands that serve
    take these signals over.
    """
    as_json = "--json" in sys.argv[1:]
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the licence's key
    if sys.stdout is None:  # started with stdout closed
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 -- for the rest of the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the library's help has letters that not every locale can write
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    # Pillow warns of odd pictures; a person at a terminal could do nothing about them.
    warnings.filterwarnings("ignore", module="PIL")
    try:
        status = _ended(sys.argv[1:], as_json=as_json)
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:
        status = 1  # the reader of our output closed it: it has seen enough
        _drop_results()
    except Exception as error:  # noqa: BLE001 -- the one place where unknown errors are told to a person
        status = report(_told(error), as_json=as_json)
        _drop_results()
    if status == INTERRUPTED:
        sys.stderr.write("stopped\n")
    sys.exit(status)


def _ended(arguments: list[str], *, as_json: bool) -> int | None:
    """Do what the command line asks; the exit status."""
    directly = read(arguments)
    if directly is not None:
        directly()
        return 0
    from typer import TyperException  # late: see ``direct``

    try:
        status: int | None = build()(arguments, standalone_mode=False)
    except TyperException as error:
        return report_usage(error, as_json=as_json)
    return status


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _told(error: Exception) -> Exception:
    """The error itself; but a disk without room, which stdout may be a file on, is no defect of ours."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ConfigurationError(
            f"the results cannot be written: {os.strerror(error.errno).lower()}",
            code="results.full",
            where=str(error.filename or "stdout"),
            hint="make room there, or send them elsewhere",
        )
    return error


def _drop_results() -> None:
    """Empty stdout where that is possible, else turn it away, or Python complains about it once more as it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
