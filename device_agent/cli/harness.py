"""``avatar-agent harness serve``: the platform's local stand-in as a program of its own."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from device_agent.errors import AgentError, UsageError

if TYPE_CHECKING:
    from device_agent.harness.serve import RunningHarness


def register(app: typer.Typer) -> None:
    """Add the ``harness`` commands."""
    group = typer.Typer(help="A local stand-in for the platform.", no_args_is_help=True)
    group.command("serve")(serve)
    app.add_typer(group, name="harness")


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; anything but loopback is said loudly.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder to keep the state in; memory without it.")] = None,
    seats: Annotated[int, typer.Option(min=0, max=1_000_000, help="Seats of the licence.")] = 10,
    avatar: Annotated[
        list[Path] | None, typer.Option(help="Avatar file (.glb, .vrm) or open package; may be repeated.")
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="Write a settings file for an agent there.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="HTTPS, with an authority made for it (ca_file).")] = False,
    office: Annotated[
        bool,
        typer.Option(
            "--office",
            help="Also a registration office: certificates (EST) and credentials for devices with no access key.",
        ),
    ] = False,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Also a signed list of the packages (content_manifest).")
    ] = False,
    root: Annotated[
        bool,
        typer.Option("--root", help="Also a root of the keys that sign lists and orders (root, root_url)."),
    ] = False,
    seed: Annotated[str, typer.Option(help="Makes ids repeatable; a fresh one without it.")] = "",
    rule: Annotated[
        list[str] | None, typer.Option(help="A rule of seats, NAME=ANSWER (docs/harness.md); may be repeated.")
    ] = None,
) -> None:
    """Serve until told to stop (Ctrl-C, SIGTERM); prints one line of JSON when ready."""
    from device_agent.harness.enrolment.server import office_of
    from device_agent.harness.loopback import is_loopback
    from device_agent.harness.ready import write_settings
    from device_agent.harness.serve import RunningHarness

    if not is_loopback(host):
        sys.stderr.write(
            f"harness: WARNING: listening on {host}, beyond this machine: its console (/_harness/) has no password,"
            " and it gives out keys. Use a closed network.\n"
        )
    with ExitStack() as open_:
        running = open_.enter_context(
            RunningHarness.start(
                avatars=tuple(avatar or ()),
                seats=seats,
                host=host,
                port=port,
                data=data,
                seed=seed,
                rules=_rules(rule or []),
                tls=tls,
            )
        )
        if manifest:
            running.sign_content()
        if office:
            open_.enter_context(office_of(running))
        if root:
            running.root_keys()
        stopping = threading.Event()

        def stop(_number: int, _frame: FrameType | None) -> None:
            stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)

        if settings is not None:
            write_settings(settings, running.ready)
        sys.stdout.write(running.ready.line() + "\n")
        sys.stdout.flush()
        threading.Thread(target=_warm, args=(running, stopping), name="avatar-harness-warm", daemon=True).start()
        stopping.wait()


def _rules(texts: list[str]) -> dict[str, str]:
    import msgspec

    from device_agent.harness.rules import SeatRules

    rules = dict(text.partition("=")[::2] for text in texts)
    try:
        msgspec.convert(rules, SeatRules)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"this is no rule of seats: {error}",
            code="harness.rule",
            hint=f"known are {', '.join(SeatRules.__struct_fields__)}; docs/harness.md has their answers",
        ) from error
    return rules


def _warm(running: RunningHarness, stopping: threading.Event) -> None:
    """Pack the sample avatar while nobody waits for it; a failure shows again when it is asked for."""
    from certs.errors import CertError
    from renderer.errors import RenderError

    try:
        running.warm()
    except (RenderError, AgentError, CertError) as error:
        if stopping.is_set():
            return  # its folder is gone, and so is whoever would have asked
        sys.stderr.write(f"harness: an avatar cannot be packed: {error}\n")
