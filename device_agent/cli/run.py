"""``avatar-agent run``: the service that keeps this device bound, licensed and supplied."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from device_agent.cli import options

if TYPE_CHECKING:
    from device_agent.config import Settings
    from device_agent.lifecycle.engine import Engine
    from device_agent.lifecycle.observe import Observer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    license_file: options.License = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    device_id: options.DeviceId = None,
) -> None:
    """Keep this device bound, its licence checked and its avatar here, until told to stop; made for systemd.

    SIGHUP reads the settings again, SIGTERM stops. Logs are JSON on stderr; health and metrics are on a Unix socket.
    """
    from device_agent.clock import SystemClock
    from device_agent.service.daemon import Daemon, health, signals
    from device_agent.service.keeper import Keeper
    from device_agent.service.notify import Notifier
    from device_agent.service.report import Report

    def load() -> Settings:
        return options.load_settings(
            config,
            endpoint=endpoint,
            license_file=license_file,
            state_dir=state_dir,
            cache_dir=cache_dir,
            device_id=device_id,
        )

    settings = load()
    clock, report = SystemClock(), Report()
    keeper = Keeper(
        settings=settings, open_engine=_engine, clock=clock, dice=random.SystemRandom().random, report=report
    )
    daemon = Daemon(keeper=keeper, report=report, notifier=Notifier(os.environ), clock=clock, reload=load)
    runtime_folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    with signals(daemon), health(report, settings, runtime_folder=runtime_folder):
        status = daemon.run()
    if status:
        sys.exit(status)


@contextmanager
def _engine(settings: Settings, observer: Observer) -> Iterator[Engine]:
    from device_agent.lifecycle.engine import Engine

    with Engine.open(settings, observer=observer) as engine:
        yield engine
