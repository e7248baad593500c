"""Where settings come from; each source yields what it gives, with its origin."""

from __future__ import annotations

import difflib
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from device_agent.errors import ConfigurationError, UsageError
from device_agent.plain_file import read_plain

ENDPOINT = "https://avatar.cn-zhangjiakou.aliyuncs.com"
PREFIX = "AVATAR_AGENT_"
SECRETS = ("access_key_secret", "security_token", "enroll_secret")

NOT_SETTINGS = ("traceback", "config", "metadata")
"""Variables with our prefix that are read elsewhere, as settings would be named."""

NEAR = 0.7
"""How like a known name a variable must be to count as a slip: container platforms put names of their own, such as
``AVATAR_AGENT_SERVICE_HOST``, into the environment of whoever is called so.
"""

FILE_LIMIT = 1024 * 1024
"""Bytes of a settings file; a real one has a few hundred."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """One value from one source.

    Attributes:
        origin: for the reader, e.g. ``"file /etc/avatar-agent/config.toml"``; never the value.
        base: folder that relative paths start from.
        is_text: the source holds nothing but text, so numbers arrive as text too.
    """

    name: str
    value: Any
    origin: str
    base: Path = Path()
    is_text: bool = True


def defaults(environ: Mapping[str, str]) -> Iterator[Given]:
    """The few defaults that depend on the environment: systemd's and the desktop's folders."""
    home = Path(environ.get("HOME") or "/")
    state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "avatar-agent"
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "avatar-agent"
    yield Given(name="endpoint", value=ENDPOINT, origin="default")
    # systemd may name several folders, parted by colons; the first is ours.
    given_state = environ.get("STATE_DIRECTORY", "").split(":")[0]
    given_cache = environ.get("CACHE_DIRECTORY", "").split(":")[0]
    yield Given(
        name="state_dir",
        value=given_state or str(state),
        origin="environment STATE_DIRECTORY" if given_state else "default",
    )
    yield Given(
        name="cache_dir",
        value=given_cache or str(cache),
        origin="environment CACHE_DIRECTORY" if given_cache else "default",
    )


def read_environment(environ: Mapping[str, str], *, known: frozenset[str]) -> Iterator[Given]:
    """``AVATAR_AGENT_<NAME>`` for every known setting; foreign variables with the prefix are left alone.

    Raises:
        ConfigurationError: a variable is nearly named like one of ours, and would be missed by whoever set it.
    """
    for variable, value in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or value == "" or name in NOT_SETTINGS:
            continue
        if name in known:
            yield Given(name=name, value=value, origin=f"environment {variable}")
        elif near := difflib.get_close_matches(name, (*known, *NOT_SETTINGS), n=1, cutoff=NEAR):
            raise ConfigurationError(
                f"there is no setting named {_shown(name)}",
                code="config.unknown",
                where=f"environment {_shown(variable)}",
                hint=f"did you mean {PREFIX}{near[0].upper()}?",
            )


def _shown(name: str) -> str:
    return name.encode("unicode_escape").decode()[:80]


def strangers(environ: Mapping[str, str], *, known: frozenset[str]) -> tuple[str, ...]:
    """Variables with our prefix that set nothing."""
    names = {variable: variable.removeprefix(PREFIX).lower() for variable in environ if variable.startswith(PREFIX)}
    return tuple(sorted(variable for variable, name in names.items() if name not in known and name not in NOT_SETTINGS))


def read_options(overrides: Mapping[str, str]) -> Iterator[Given]:
    """Command-line options. A secret is refused: other users of the machine can read a command line."""
    for name, value in overrides.items():
        option = f"--{name.replace('_', '-')}"
        if name in SECRETS:
            raise UsageError(
                f"{name} is not accepted on the command line",
                code="config.secret_in_argv",
                where=option,
                hint=f"put it in the settings file or in {PREFIX}{name.upper()}",
            )
        yield Given(name=name, value=value, origin=f"option {option}")


def read_file(file: Path | None, *, environ: Mapping[str, str], system_file: Path) -> Iterator[Given]:
    """A TOML file of plain ``name = value`` lines.

    Raises:
        ConfigurationError: it is missing though it was named, is no TOML, or holds a secret that everybody can read.
    """
    path = file or default_file(environ, system_file=system_file)
    if path is None:
        return
    try:
        text, mode = read_plain(path, limit=FILE_LIMIT)
        content = tomllib.loads(text.decode())
    except OSError as exc:
        raise ConfigurationError(
            f"the settings file cannot be read: {(exc.strerror or type(exc).__name__).lower()}",
            code="config.file",
            where=str(path),
            hint="the service's own is for root and the service: use sudo, or name another with --config"
            if isinstance(exc, PermissionError)
            else "name a plain file with --config",
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigurationError(
            "the settings file is not valid TOML",
            code="config.toml",
            where=f"{path}: {exc.args[0].rsplit('(', 1)[-1].rstrip(')')}"
            if isinstance(exc, tomllib.TOMLDecodeError)
            else str(path),
            hint='lines look like: endpoint = "https://..."',
        ) from exc
    if mode & stat.S_IRWXO and any(name in content for name in SECRETS):
        raise ConfigurationError(
            "the settings file holds a secret and everybody can read it",
            code="config.open_secret",
            where=str(path),
            hint=f"chmod 600 {path}",
        )
    for name, value in content.items():
        yield Given(name=name, value=value, origin=f"file {path}", base=path.absolute().parent, is_text=False)


def default_file(environ: Mapping[str, str], *, system_file: Path) -> Path | None:
    """The user's settings file, else the system's; ``None`` when there is neither."""
    home = Path(environ.get("HOME") or "/")
    user_file = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "avatar-agent" / "config.toml"
    return next((path for path in (user_file, system_file) if path.is_file()), None)
