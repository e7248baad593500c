"""A day in which nothing happens to a device that is ready, on a clock of its own: what it writes."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from device_agent.harness.enrolment.server import open_office
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase
from device_agent.service.lines import Lines

from .clock import Time
from .site import CODE, FILES, ManagedSite, Site
from .writes import Writes

HOURS = 24


@contextmanager
def site_of(folder: Path, *, managed: bool, log: Lines) -> Iterator[Site]:
    """A device with an access key; ``managed``: with a certificate, an office that renews it, and a broker."""
    with ExitStack() as stack:
        clock = Time(now=time.time())  # TLS sees the real one
        package = PackageSource(code=CODE, name="idle", read=lambda: FILES)
        harness = stack.enter_context(RunningHarness.start(avatars=[package], time_source=lambda: clock.now))
        if not managed:
            yield Site(folder=folder / "site", harness=harness, time=clock, log=log)
            return
        office = stack.enter_context(open_office(harness, folder / "office"))
        office.office.clock = lambda: datetime.fromtimestamp(clock.now, tz=UTC)
        yield ManagedSite(
            folder=folder / "site", harness=harness, time=clock, log=log, office=office, secret=office.office.invite()
        )


def idle_day(folder: Path, *, managed: bool) -> dict[str, Any]:
    """Per idle hour, of a day that begins when the device is ready.

    Raises:
        RuntimeError: it did not become or stay ready, or something was written in a way that nobody counts.
    """
    folder.mkdir(mode=0o700)
    log = io.StringIO()
    with site_of(folder, managed=managed, log=Lines(stream=log)) as site:
        site.live(600, until=lambda: site.record.phase is Phase.READY)
        writes, told = Writes(root=site.folder), log.tell()
        ends = site.time.now + HOURS * 3600
        with writes.counted():
            while site.time.now < ends:
                site.time.now += min(site.keeper.step(), ends - site.time.now + 1e-3)
                writes.check()
        if (site.record.phase, site.report.snapshot.link) != (Phase.READY, "online"):
            raise RuntimeError(f"the day was no idle one: {site.report.snapshot}")
    return {
        "kib": round(writes.kib / HOURS, 2),
        "kib_with_folders": round(writes.kib_with_folders / HOURS, 2),
        "blocks": {name: round(blocks / HOURS, 2) for name, blocks in sorted(writes.files.items())},
        "log_kib": round((log.tell() - told) / 1024 / HOURS, 2),
    }
