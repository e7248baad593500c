"""The service that keeps this device bound, licensed and supplied."""

from __future__ import annotations

import functools
import os
import random
import sys
from pathlib import Path

from device_agent.cli.given import load_settings
from device_agent.clock import SystemClock
from device_agent.config import Settings
from device_agent.lifecycle.engine import this_machine
from device_agent.lifecycle.points import Point
from device_agent.service.alone import alone
from device_agent.service.boot import this_boot
from device_agent.service.daemon import Daemon, health, signals
from device_agent.service.drive import Drive
from device_agent.service.keeper import Keeper
from device_agent.service.notify import Notifier
from device_agent.service.opening import open_for_service
from device_agent.service.report import Report


def serve(
    *,
    config: Path | None = None,
    endpoint: str | None = None,
    license_file: Path | None = None,
    state_dir: Path | None = None,
    cache_dir: Path | None = None,
    device_id: str | None = None,
) -> None:
    """Until told to stop; a failure that nobody foresaw ends the process with its status."""

    def load() -> Settings:
        return load_settings(
            config,
            endpoint=endpoint,
            license_file=license_file,
            state_dir=state_dir,
            cache_dir=cache_dir,
            device_id=device_id,
        )

    settings = load()
    clock, report, dice = SystemClock(), Report(), random.SystemRandom().random
    machine = functools.lru_cache(maxsize=1)(this_machine)  # the TPM is asked once, not with every step

    def moved(point: Point) -> None:
        daemon.moved(point)

    keeper = Keeper(
        settings=settings,
        open_engine=functools.partial(open_for_service, machine=machine, clock=clock, reach=moved),
        clock=clock,
        dice=dice,
        report=report,
        boot=this_boot(os.environ),
        session_began=lambda now, session: drive.session(now, session),
    )

    def ask_session() -> None:
        keeper.want_session()
        daemon.wake()

    drive = Drive(clock=clock, dice=dice, report=report, ask_session=ask_session)
    daemon = Daemon(keeper=keeper, report=report, notifier=Notifier(os.environ), clock=clock, reload=load)
    runtime_folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    served = health(report, settings, runtime_folder=runtime_folder)
    with signals(daemon), daemon.logged(), alone(settings.state_dir), served:
        try:
            status = daemon.run()
        finally:
            drive.stop()
    if status:
        sys.exit(status)
