"""Options that many commands share, and the settings that they make together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from device_agent.config import Settings

Config = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file (TOML). Default: the user's, then /etc/avatar-agent/config.toml."),
]
Endpoint = Annotated[str | None, typer.Option("--endpoint", help="Address of the platform or of a harness.")]
TenantId = Annotated[str | None, typer.Option("--tenant-id", help="Number of the tenant.", metavar="NUMBER")]
AppId = Annotated[str | None, typer.Option("--app-id", help="Id of the application.", metavar="ID")]
License = Annotated[Path | None, typer.Option("--license", help="Licence file.", metavar="FILE")]
StateDir = Annotated[Path | None, typer.Option("--state-dir", help="Where this device's record and secrets are kept.")]
CacheDir = Annotated[Path | None, typer.Option("--cache-dir", help="Where sealed avatars are kept.")]
DeviceId = Annotated[
    str | None, typer.Option("--device-id", help="Id of this device; default: derived from its hardware.", metavar="ID")
]
Avatar = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE|CODE",
        help="A .glb, .gltf or .vrm, an open package (folder, zip), or the code of a fetched avatar; "
        "default: the avatar fetched last.",
    ),
]
Clip = Annotated[str | None, typer.Option("--clip", help="Name or number of the clip.", metavar="NAME")]
Camera = Annotated[
    int | None,
    typer.Option(
        "--camera",
        help="0 full body near, 1 head, 2 full body far, 3 half body near, 4 half body far, 5 left, 6 right.",
        min=0,
        max=6,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else there.")]


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
) -> Settings:
    """The settings as options, environment and file give them.

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
    return Settings.load(config, environ=os.environ, overrides=overrides)
