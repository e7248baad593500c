"""Options that many commands share; a path that cannot be read is told by whatever needs it, with a code of its own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from device_agent.cli.given import load_settings as load_settings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file (TOML). Default: the user's, then /etc/avatar-agent/config.toml.",
        readable=False,
    ),
]
Endpoint = Annotated[str | None, typer.Option("--endpoint", help="Address of the platform or of a harness.")]
TenantId = Annotated[str | None, typer.Option("--tenant-id", help="Number of the tenant.", metavar="NUMBER")]
AppId = Annotated[str | None, typer.Option("--app-id", help="Id of the application.", metavar="ID")]
License = Annotated[Path | None, typer.Option("--license", help="Licence file.", metavar="FILE", readable=False)]
StateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Where this device's record and secrets are kept.", readable=False)
]
CacheDir = Annotated[Path | None, typer.Option("--cache-dir", help="Where sealed avatars are kept.", readable=False)]
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
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        help="What the file may ask for, e.g. picture_pixels=16777216; may be repeated.",
        metavar="NAME=NUMBER",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else there.")]


class ModeName(StrEnum):
    """Performance modes, as the vendor's client names them."""

    HIGH = "High"
    STANDARD = "Standard"
    LOW = "Low"
