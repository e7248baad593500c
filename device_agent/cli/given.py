"""The settings that a command line, the environment and a file make together; loads no command-line library."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from device_agent.cli.owner import become_owner

if TYPE_CHECKING:
    from device_agent.config import Settings


def load_settings(
    config: Path | None,
    *,
    endpoint: str | None = None,
    tenant_id: str | None = None,
    app_id: str | None = None,
    license_file: Path | None = None,
    state_dir: Path | None = None,
    cache_dir: Path | None = None,
    device_id: str | None = None,
    for_device: bool = True,
) -> Settings:
    """The settings as options, environment and file give them.

    Args:
        for_device: to work on the device that they are of; root then becomes the user whose device it is.

    Raises:
        ConfigurationError: see ``Settings.load``.
    """
    from device_agent.config import Settings

    given = {
        "endpoint": endpoint,
        "tenant_id": tenant_id,
        "app_id": app_id,
        "license_file": license_file,
        "state_dir": state_dir,
        "cache_dir": cache_dir,
        "device_id": device_id,
    }
    if config is None and os.environ.get("AVATAR_AGENT_CONFIG"):
        config = Path(os.environ["AVATAR_AGENT_CONFIG"])
    overrides = {name: str(value) for name, value in given.items() if value is not None}
    settings = Settings.load(config, environ=os.environ, overrides=overrides)
    if for_device:
        become_owner(settings.state_dir)
    return settings
