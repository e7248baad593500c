"""Where credentials are searched, in the platform's own order of conventions.

1. the settings (``access_key_id``, ``access_key_secret``, ``security_token``)
2. ``ALIBABA_CLOUD_ACCESS_KEY_ID``, ``ALIBABA_CLOUD_ACCESS_KEY_SECRET``, ``ALIBABA_CLOUD_SECURITY_TOKEN``
3. ``ALIBABA_CLOUD_CREDENTIALS_URI``: a broker that gives temporary credentials
4. the shared credentials file (``ALIBABA_CLOUD_CREDENTIALS_FILE``, else ``~/.alibabacloud/credentials.ini`` or
   ``~/.alibabacloud/credentials``), profile ``ALIBABA_CLOUD_PROFILE`` or ``default``
5. the role of the cloud machine, when ``ALIBABA_CLOUD_ECS_METADATA`` names it: a kiosk should not wait for a metadata
   service that is not there
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from device_agent.api.credentials import Credentials, CredentialSource, StaticCredentials
from device_agent.api.credentials_remote import METADATA, broker_credentials, machine_role_credentials
from device_agent.errors import ConfigurationError
from device_agent.plain_file import read_plain
from device_agent.secret import Secret

if TYPE_CHECKING:
    from device_agent.config import Settings

PREFIX = "ALIBABA_CLOUD_"
FILE_LIMIT = 1024 * 1024
"""Bytes of a credentials file."""

METADATA_ADDRESS = "AVATAR_AGENT_METADATA"
"""Variable that names another metadata address."""


def from_settings(settings: Settings, *, environ: Mapping[str, str]) -> CredentialSource:
    """The access key in the settings, else what the environment's conventions give.

    Raises:
        ConfigurationError: there is no access key, or only half of one.
    """
    if settings.access_key_id and settings.access_key_secret:
        return StaticCredentials(
            Credentials(
                access_key_id=settings.access_key_id,
                access_key_secret=settings.access_key_secret,
                security_token=settings.security_token,
                origin=settings.where("access_key_secret"),
            )
        )
    if settings.access_key_id or settings.access_key_secret:
        missing = "access_key_secret" if settings.access_key_id else "access_key_id"
        raise ConfigurationError(
            f"the setting {missing} is missing, and its other half is there",
            code="credentials.half",
            hint=f"put it in the settings file, or in AVATAR_AGENT_{missing.upper()}",
        )
    return from_environment(environ)


def from_environment(environ: Mapping[str, str]) -> CredentialSource:
    """The first of the conventions 2 to 5 that is there.

    Raises:
        ConfigurationError: none is, or the one that is cannot be used.
    """
    key_id, key_secret = environ.get(f"{PREFIX}ACCESS_KEY_ID"), environ.get(f"{PREFIX}ACCESS_KEY_SECRET")
    if key_id and key_secret:
        token = environ.get(f"{PREFIX}SECURITY_TOKEN")
        return StaticCredentials(
            Credentials(
                access_key_id=key_id,
                access_key_secret=Secret(key_secret),
                security_token=Secret(token) if token else None,
                origin=f"environment {PREFIX}ACCESS_KEY_ID",
            )
        )
    if broker := environ.get(f"{PREFIX}CREDENTIALS_URI"):
        return broker_credentials(broker)
    found = _from_file(environ)
    if found is not None:
        return found
    if role := environ.get(f"{PREFIX}ECS_METADATA"):
        return machine_role_credentials(role, metadata=environ.get(METADATA_ADDRESS) or METADATA)
    raise ConfigurationError(
        "nothing can sign the calls: there is no access key (access_key_id, access_key_secret)",
        code="credentials.missing",
        hint=f"put one in the settings file (--config), in AVATAR_AGENT_ACCESS_KEY_ID and _SECRET, or use"
        f" {PREFIX}ACCESS_KEY_ID and _SECRET, {PREFIX}CREDENTIALS_URI or ~/.alibabacloud/credentials.ini",
    )


def _from_file(environ: Mapping[str, str]) -> CredentialSource | None:
    folder = Path(environ.get("HOME") or "/") / ".alibabacloud"
    named = environ.get(f"{PREFIX}CREDENTIALS_FILE")
    files = [Path(named)] if named else [folder / "credentials.ini", folder / "credentials"]
    path = next((path for path in files if named or path.is_file()), None)
    if path is None:
        return None
    import configparser  # late: few programs have such a file

    profile = environ.get(f"{PREFIX}PROFILE") or "default"
    # Interpolation would trip over a percent sign in a secret.
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#",))
    try:
        parser.read_string(read_plain(path, limit=FILE_LIMIT)[0].decode())
        section = parser[profile]
    except OSError as exc:
        raise _bad_file(path, f"cannot be read: {(exc.strerror or 'unknown').lower()}") from exc
    except KeyError:
        raise _bad_file(path, f"has no profile {profile}") from None
    except (configparser.Error, UnicodeDecodeError):
        raise _bad_file(path, "is not in the form of credentials files") from None  # its own text repeats lines
    return _profile(section, path=path, environ=environ)


def _profile(section: Mapping[str, str], *, path: Path, environ: Mapping[str, str]) -> CredentialSource:
    kind = section.get("type", "access_key")
    if kind == "ecs_ram_role":
        return machine_role_credentials(
            section.get("role_name", ""), metadata=environ.get(METADATA_ADDRESS) or METADATA
        )
    if kind == "credentials_uri":
        return broker_credentials(section.get("credentials_uri", ""))
    if kind not in ("access_key", "sts"):
        raise _bad_file(path, f"has a profile of type {kind}, which is not spoken here")
    key_id, key_secret = section.get("access_key_id"), section.get("access_key_secret")
    token = section.get("security_token")
    if not key_id or not key_secret or (kind == "sts" and not token):
        raise _bad_file(path, "lacks a part of the access key")
    return StaticCredentials(
        Credentials(
            access_key_id=key_id,
            access_key_secret=Secret(key_secret),
            security_token=Secret(token) if token else None,
            origin=f"file {path}",
        )
    )


def _bad_file(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"the credentials file {problem}",
        code="credentials.file",
        where=str(path),
        hint="it has a section [default] with access_key_id and access_key_secret",
    )
