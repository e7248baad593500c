"""What an avatar may ask for: the numbers of ``--limit``, then of the settings, then the renderer's own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from device_agent.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from device_agent.config import Settings
    from renderer.assets import Limits


def asset_limits(settings: Settings, given: Sequence[str] = ()) -> Limits:
    """What an avatar may ask for, as the settings have it; what is ``given`` as ``NAME=NUMBER`` comes first.

    Raises:
        ConfigurationError: the settings name another limit, or less than 1.
        UsageError: the same of what is given.
    """
    return limits_of(settings.asset_limits, given, where=settings.where("asset_limits"))


def limits_of(chosen: Mapping[str, int], given: Sequence[str] = (), *, where: str) -> Limits:
    """The same, where the setting's value and what decided it are known, and no other settings."""
    from renderer.assets import Limits

    known = {part.name for part in fields(Limits)}
    for name, value in chosen.items():
        if name not in known or value < 1:
            raise ConfigurationError(
                f"asset_limits has no use for {name!r} = {value}",
                code="config.value",
                where=where,
                hint=_known(),
            )
    return Limits(**{**chosen, **_parsed(given)})


def file_limits(config: Path | None, given: Sequence[str] = ()) -> Limits:
    """The same for a file that nobody fetched: settings count as far as there are any that this user may read.

    Raises:
        ConfigurationError, UsageError: as ``asset_limits``, and for settings that cannot be used.
    """
    from device_agent.cli.given import load_settings
    from renderer.assets import Limits

    named = config is not None or any(name in os.environ for name in _NAMING)
    if named or _has_settings():
        return asset_limits(load_settings(config, for_device=False), given)
    return Limits(**_parsed(given))


_NAMING = ("AVATAR_AGENT_CONFIG", "AVATAR_AGENT_ASSET_LIMITS")


def _has_settings() -> bool:
    """Whether there is a file at one of the usual places, open to this user: on a device it may be the service's."""
    from device_agent.config.settings import SYSTEM_FILE
    from device_agent.config.sources import default_file

    try:
        found = default_file(os.environ, system_file=SYSTEM_FILE)
    except PermissionError:  # the folder is closed to this user
        return False
    return found is not None and os.access(found, os.R_OK)


def _parsed(given: Sequence[str]) -> dict[str, int]:
    """``picture_pixels=16777216`` and the like."""
    from renderer.assets import Limits

    known, found = {part.name for part in fields(Limits)}, {}
    for pair in given:
        name, _, value = (part.strip() for part in pair.partition("="))
        if name not in known or not re.fullmatch(r"[1-9][0-9]{0,17}", value, re.ASCII):
            raise UsageError(
                f"{pair!r} is no limit",
                code="usage.limit",
                where="--limit",
                hint=f"write it as NAME=NUMBER; {_known()}",
            )
        found[name] = int(value)
    return found


def _known() -> str:
    from renderer.assets import Limits

    return f"it may hold {', '.join(sorted(part.name for part in fields(Limits)))}, each 1 or more"
