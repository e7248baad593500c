"""The command ``avatar-agent``: one file per subcommand; heavy imports happen inside the subcommands."""

from __future__ import annotations

import importlib
import sys

import typer

from device_agent.cli.fault import report

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
    "install",
    "doctor",
    "preview",
    "inspect",
    "api",
)
"""Subcommands in the order that ``--help`` shows them; each is a module with ``register(app)``."""


def build() -> typer.Typer:
    """The command-line application with every subcommand registered."""
    app = typer.Typer(
        name="avatar-agent",
        help="Show a licensed 3D digital human on this device: bind, fetch, draw, unbind.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in COMMANDS:
        importlib.import_module(f"device_agent.cli.{name}").register(app)
    return app


def main() -> None:
    """Run the command line; every known error ends in one line and the documented exit status."""
    try:
        build()()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 -- the one place where unknown errors are told to a person
        sys.exit(report(error, as_json="--json" in sys.argv[1:]))


if __name__ == "__main__":
    main()
