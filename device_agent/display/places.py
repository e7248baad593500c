"""What the process that draws has no business with: everything secret, wherever the settings say that it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from device_agent.config import Settings
from device_agent.service.units import CONFIG_FOLDER, TPM, USER

CACHES = Path("/var/cache") / USER
PROVIDER = ".alibabacloud"
"""Folder in a home where the platform's own tools keep access keys."""


def secret_places(settings: Settings | None, *, config: Path | None, environ: Mapping[str, str]) -> frozenset[Path]:
    """Files and folders to hide, absolute and free of links; they need not be there.

    Settings, state, avatars as they are kept, licence, TPM, and where access keys lie. The folder of the settings goes
    as a whole, since secrets lie beside them, unless it holds a whole home or what a command was started in. What holds
    the program itself cannot be hidden.

    Args:
        settings: ``None`` while they cannot be read; what can be guessed is hidden then.
        config: the settings file, if one is named.
    """
    places = [CONFIG_FOLDER, CACHES, TPM, Path("/dev/tpm0")]
    for name in ("STATE_DIRECTORY", "CACHE_DIRECTORY"):
        places += [Path(one) for one in environ.get(name, "").split(":") if one]
    if environ.get("HOME"):
        places.append(Path(environ["HOME"]) / PROVIDER)
    if config is not None:
        places.append(config)
        if not _holds(_real(config).parent, Path.home(), Path.cwd()):
            places.append(_real(config).parent)
    if settings is not None:
        places += [settings.state_dir, settings.cache_dir]
        places += [settings.license_file] if settings.license_file is not None else []
        places += [Path(settings.tpm)] if settings.tpm else []
    program = Path(__file__).parents[2], Path(sys.prefix), Path(sys.base_prefix)
    return frozenset(path for path in map(_real, places) if not _holds(path, *program))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _holds(folder: Path, *others: Path) -> bool:
    return any(_real(other).is_relative_to(folder) for other in others)


def covers(hidden: frozenset[Path], places: frozenset[Path]) -> bool:
    """Whether what was hidden holds all that there is to hide now."""
    return all(any(path.is_relative_to(one) for one in hidden) for path in places)
