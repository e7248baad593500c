"""Where the display keeps its notes: systemd's run folder for it, or the desktop session's where it is tried out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from device_agent.service.units import DISPLAY, USER

SYSTEM = Path("/run") / DISPLAY
STATE = Path("/var/lib") / USER
"""The state folder of the installed service."""


def run_folder(state_dir: Path, environ: Mapping[str, str]) -> Path | None:
    """The run folder of the display that shows this device; need not be there. ``None`` where there is no place."""
    if state_dir.absolute() == STATE:
        return SYSTEM
    desktop = environ.get("XDG_RUNTIME_DIR", "")
    if not desktop.startswith("/"):
        return None
    return Path(desktop) / f"{DISPLAY}-{hashlib.sha256(str(state_dir.absolute()).encode()).hexdigest()[:12]}"
