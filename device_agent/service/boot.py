"""What tells this start of the machine from others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


def this_boot(environ: Mapping[str, str]) -> str:
    """Its id: the units say it, because the services see little of /proc; the kernel says it elsewhere."""
    with suppress(OSError):
        return environ.get("BOOT_ID") or BOOT_ID_FILE.read_text("ascii").strip()
    return "unknown"
