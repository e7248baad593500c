"""What ``avatar-agent doctor`` looks at; each finding says what is wrong and what to do about it. Changes nothing."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from certs.errors import CertError
from certs.rotation import Standing, standing, validity_of
from device_agent.api.credentials_chain import from_settings
from device_agent.api.endpoint import Endpoint
from device_agent.avatars.cache import AvatarCache
from device_agent.config import Settings
from device_agent.config.sources import strangers
from device_agent.errors import AgentError
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.account import account_of
from device_agent.lifecycle.budget import may_show
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.keyring import keyring_of, read_with
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.vault import AVATARS, Vault
from device_agent.service import network_checks
from device_agent.service.finding import CLOSE_S, Check, Finding, Level, told
from device_agent.service.units import TPM

EARLIEST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
LITTLE_SPACE = 512 * 1024 * 1024


def checkup(settings: Settings, *, environ: Mapping[str, str], network: bool = True) -> list[Finding]:
    """Everything that can be looked at without changing anything; ``network`` allows to ask the platform's host."""
    checks: list[tuple[str, Check]] = [
        ("settings", _settings),
        ("folders", _folders),
        ("disk", _disk),
        ("clock", _clock),
        ("state", _state),
        ("tpm", _tpm),
        ("secrets", _secrets),
        ("licence", _licence),
        ("certificate", _certificate),
        ("credentials", _credentials),
        ("avatars", _avatars),
        ("root", _root),
        ("manifest", _manifest),
        ("orders", _orders),
        ("proxy", network_checks.proxy),
    ]
    if network:
        checks += [("tls", network_checks.tls), ("platform", network_checks.platform)]
    found = []
    for name, check in checks:
        try:
            found += list(check(settings, environ))
        except (AgentError, CertError) as error:
            found.append(Finding(check=name, level=Level.BAD, says=told(error), fix=error.hint))
        except OSError as error:
            says = f"cannot be looked at: {(error.strerror or type(error).__name__).lower()}"
            found.append(Finding(check=name, level=Level.BAD, says=says, fix="run doctor as the user of the service"))
    return [finding if finding.level > Level.OK else replace(finding, fix="") for finding in found]


def _settings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    says = f"platform {Endpoint.parse(settings.endpoint).origin} (from {settings.where('endpoint')})"
    yield Finding(check="settings", level=Level.OK, says=says)
    if strange := strangers(environ, known=settings.names()):
        says = f"in the environment and no setting: {', '.join(strange)}"
        yield Finding(check="settings", level=Level.NOTE, says=says)
    if settings.access_key_secret is not None and not settings.security_token:
        yield Finding(
            check="settings",
            level=Level.WARNING,
            says="a long-lived access key is on this device: whoever takes the device can use it",
            fix="let the device's certificate open a credential broker (broker_url), or use a temporary key",
        )


def _folders(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    for name, folder in (("state_dir", settings.state_dir), ("cache_dir", settings.cache_dir)):
        if not folder.exists():
            yield Finding(check="folders", level=Level.NOTE, says=f"{name} is not there yet: {folder}")
            continue
        loose = [path for path in (folder, *folder.rglob("*")) if _is_loose(path)]
        if loose:
            yield Finding(
                check="folders",
                level=Level.BAD,
                says=f"others can reach {len(loose)} of the files of {name}, {loose[0]} first, or own them",
                fix=f"chown -R the service's user {folder} && chmod -R go= {folder}",
            )
        else:
            yield Finding(check="folders", level=Level.OK, says=f"{name} is private: {folder}")


def _is_loose(path: Path) -> bool:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return status.st_uid not in (0, os.geteuid())
    return bool(status.st_mode & 0o077) or status.st_uid != os.geteuid()


def _disk(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    for name, folder in (("state_dir", settings.state_dir), ("cache_dir", settings.cache_dir)):
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(there).free
        level = Level.WARNING if free < LITTLE_SPACE else Level.OK
        yield Finding(
            check="disk", level=level, says=f"{free / 1e9:.1f} GB free for {name}", fix="free some space on this disk"
        )
        if os.statvfs(there).f_flag & os.ST_RDONLY:
            yield Finding(
                check="disk",
                level=Level.BAD,
                says=f"the disk of {name} is read-only",
                fix=f"mount it writable: {there}",
            )


def _clock(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    now = time.time()
    shown = datetime.fromtimestamp(now, tz=UTC).isoformat(timespec="minutes")
    if now < EARLIEST:
        yield Finding(
            check="clock",
            level=Level.BAD,
            says=f"this device thinks it is {shown}: no certificate is valid then",
            fix="turn on time synchronisation: timedatectl set-ntp true (a board without a battery needs it)",
        )
        return
    contact = load(settings.state_dir).record.contact
    offset = contact.offset_s
    if abs(offset) > CLOSE_S:
        yield Finding(
            check="clock",
            level=Level.WARNING,
            says=f"this device's clock was {offset:.0f} s off the platform's; requests are signed with the difference",
            fix="turn on time synchronisation: timedatectl set-ntp true",
        )
    else:
        asked = f", {offset:+.0f} s to the platform when last asked" if contact.last_ok else ""
        yield Finding(check="clock", level=Level.OK, says=shown + asked)


_GOES_ON = "the service goes on with it; without the service: avatar-agent unbind"
_PHASES: Mapping[Phase, tuple[Level, str]] = MappingProxyType(
    {
        Phase.BLANK: (Level.NOTE, "avatar-agent bind"),
        Phase.CLONE_SUSPECT: (
            Level.BAD,
            "this disk was made on other hardware; if it was moved on purpose: avatar-agent bind --accept-new-hardware",
        ),
        Phase.IDENTIFIED: (Level.NOTE, "avatar-agent bind"),
        Phase.BINDING: (Level.WARNING, "avatar-agent bind says what is in the way"),
        Phase.SEAT_FULL: (Level.BAD, "unbind a device that is not used, or order more seats; then: avatar-agent bind"),
        Phase.LICENSE_BLOCKED: (Level.BAD, "renew the order in the console; then: avatar-agent bind"),
        Phase.LOCKED: (
            Level.BAD,
            "the offline budget is used up: let this device reach the platform (avatar-agent start)",
        ),
        Phase.UNBINDING: (Level.WARNING, _GOES_ON),
        Phase.SEALING: (Level.WARNING, _GOES_ON),
        Phase.ERASING: (Level.WARNING, _GOES_ON),
        Phase.DECOMMISSIONED: (Level.NOTE, "avatar-agent bind makes it a new device"),
        Phase.FAULT: (Level.BAD, "see disk and folders: the state cannot be kept"),
    }
)
"""What a phase asks of a person; the others are as they should be."""


def _state(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    loaded = load(settings.state_dir)
    record = loaded.record
    shows = may_show(record, budget_s=settings.offline_budget_s)
    level, fix = _PHASES.get(record.phase, (Level.OK, ""))
    says = f"{record.phase}{', may show its avatar' if shows else ''}"
    yield Finding(check="state", level=level, says=says, fix=fix)
    if loaded.damaged:
        yield Finding(
            check="state",
            level=Level.WARNING if not loaded.blank_reason else Level.BAD,
            says=f"damaged on disk: {', '.join(loaded.damaged)}; the other one is used"
            if not loaded.blank_reason
            else "both copies of the record are damaged",
            fix="check the storage (SD cards fill files with zeros when power fails); bind again heals it",
        )
    if record.id_source == "random" and not settings.device_id:
        yield Finding(
            check="state",
            level=Level.WARNING,
            says="the device's id is random: a new disk image would cost another seat",
            fix="keep the id that it has: device_id in the settings, as `avatar-agent status` shows it",
        )


def _tpm(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    record = load(settings.state_dir).record
    if settings.tpm:
        from device_agent.tpm.endorsement import EndorsementKey

        EndorsementKey(Path(settings.tpm)).name()
        made = f"the id was made from {record.id_source}" if record.id_source else "the id will be made from it"
        yield Finding(check="tpm", level=Level.OK, says=f"{settings.tpm} answers; {made}")
        if record.id_source == "board" and not settings.device_id:
            yield Finding(
                check="tpm",
                level=Level.NOTE,
                says="on a new disk this device would get another id, from the TPM, and take a second seat",
                fix="keep the id that it has: device_id in the settings, as `avatar-agent status` shows it",
            )
    elif record.id_source == "tpm":
        yield Finding(
            check="tpm",
            level=Level.WARNING,
            says="the id was made from a TPM that no setting names any more: a copied disk is noticed less well",
            fix=f'set tpm = "{TPM}" again',
        )
    elif TPM.exists() and not record.device_id:
        yield Finding(
            check="tpm",
            level=Level.NOTE,
            says="this machine has a TPM that is not used: an id that is made from it outlives any disk",
            fix=f'before binding: tpm = "{TPM}" in the settings, install --systemd --tpm',
        )


def _secrets(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether whoever has the disk alone has the licence, the tokens and the key."""
    vault = Vault(settings.state_dir)
    if sealed_key.is_there(settings.state_dir):
        read_with(settings)
        bare = vault.bare()
        yield Finding(
            check="secrets",
            level=Level.WARNING if bare else Level.OK,
            says=f"sealed to the TPM ({settings.tpm})" + (f", but not: {', '.join(bare)}" if bare else ""),
            fix="avatar-agent start seals those of before; others are not believed: remove them",
        )
        if settings.license_file is not None and vault.license_is_here:
            yield Finding(
                check="secrets",
                level=Level.WARNING,
                says="the licence file itself is on this device too, for whoever has the disk",
                fix="once bound, remove that file and the setting license_file: the sealed copy is used then",
            )
    elif not vault.is_empty():
        if settings.tpm:
            fix = "let the service run, or avatar-agent start: they are sealed to the TPM then"
        elif TPM.exists():
            fix = f'tpm = "{TPM}" in the settings, install --systemd --tpm: they are sealed at the next start'
        else:
            fix = "encrypt the disk; a machine with a TPM can seal them to it"
        says = "licence, tokens and key are in files: whoever has the disk has them"
        yield Finding(check="secrets", level=Level.WARNING, says=says, fix=fix)


def _licence(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    vault = Vault(settings.state_dir, cover=keyring_of(settings))
    account = account_of(settings, vault=vault, record=load(settings.state_dir).record)
    account.license.private_key()
    says = f"{account.license.fingerprint}, tenant {account.tenant_id}, application {account.app_id}"
    yield Finding(check="licence", level=Level.OK, says=says)
    file = settings.license_file
    if file is not None and file.stat().st_mode & 0o007:
        yield Finding(
            check="licence",
            level=Level.WARNING,
            says=f"everybody on this machine can read it: {file}",
            fix=f"chmod o= {file}",
        )


def _certificate(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    identity = Vault(settings.state_dir, cover=keyring_of(settings)).lineage.current()
    if identity is None:
        wanted = bool(settings.enroll_url or settings.broker_url)
        yield Finding(
            check="certificate",
            level=Level.BAD if wanted else Level.NOTE,
            says="this device has no certificate",
            fix="avatar-agent certs enroll" if wanted else "",
        )
        return
    validity = validity_of(identity.certificate)
    found = standing(validity, seed=load(settings.state_dir).record.device_id, now=datetime.now(UTC))
    bad = found in (Standing.EXPIRED, Standing.NOT_YET_VALID)
    lasts = f"begins {validity.not_before:%Y-%m-%d}, ends {validity.not_after:%Y-%m-%d}"
    yield Finding(
        check="certificate",
        level=Level.BAD if bad else Level.OK,
        says=f"{identity.fingerprint}, {found.value.replace('_', ' ')}, {lasts}",
        fix="check this device's clock; if it is right, set a new enroll_secret, then: avatar-agent certs enroll"
        if found is Standing.EXPIRED
        else "turn on time synchronisation: timedatectl set-ntp true",
    )


def _credentials(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether anything can sign the calls; asks nobody for it."""
    if not settings.broker_url:  # else the certificate opens the broker
        from_settings(settings, environ=environ)
        yield Finding(check="credentials", level=Level.OK, says="there is something to sign the calls with")


def _avatars(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    record = load(settings.state_dir).record
    cache = AvatarCache(settings.cache_dir / AVATARS)
    codes = cache.codes()
    used = cache.used()
    yield Finding(
        check="avatars",
        level=Level.OK,
        says=f"{len(codes)} here, {used / 1e6:.0f} of {settings.cache_quota_bytes / 1e6:.0f} MB",
    )
    if record.content.active and record.content.active not in codes:
        yield Finding(
            check="avatars",
            level=Level.BAD,
            says=f"the avatar {record.content.active} should be here and is not",
            fix=f"avatar-agent fetch {record.content.active}",
        )


def _root(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the root of keys can be believed, and how long it lasts."""
    if settings.root is None and not settings.root_url:
        return
    from device_agent.lifecycle import root_chain, rooted
    from device_agent.lifecycle.document import check_address

    chain, record = root_chain.load(settings), load(settings.state_dir).record
    if settings.root_url:
        check_address(settings, "root_url", code="config.root")
    now = datetime.fromtimestamp(time.time() + record.contact.offset_s, tz=UTC)
    rooted.check(chain, record, now=now)
    last = chain.last
    days = (last.claims.expires - now).days
    says = f"version {last.version}, {len(chain.links)} after the one in the settings; ends in {days} day(s)"
    if chain.damaged:
        fix = "it is asked for again at root_url; check the storage"
        yield Finding(check="root", level=Level.WARNING, says=f"{says}; its file was damaged", fix=fix)
        return
    level = Level.WARNING if last.claims.expires - now < rooted.SOON else Level.OK
    yield Finding(
        check="root", level=level, says=says,
        fix="sign the next one at headquarters (avatar-agent fleet root next), and serve it at root_url",
    )  # fmt: skip


def _manifest(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    if not (settings.content_manifest or settings.content_keys):
        return
    from device_agent.lifecycle.listing import where_and_whose

    _address, signers = where_and_whose(settings)
    seen = load(settings.state_dir).record.content.manifest_version
    signed = f"{signers.threshold} of {len(signers.keys)} key(s)"
    says = f"only listed packages, signed by {signed}; version {seen or 'none'} seen so far"
    yield Finding(check="manifest", level=Level.OK, says=says)


def _orders(settings: Settings, _environ: Mapping[str, str]) -> Iterator[Finding]:
    from device_agent.lifecycle.document import check_address
    from device_agent.lifecycle.orders import are_held_to_keys, signers_of

    if not are_held_to_keys(settings) and not settings.order_url:
        if settings.broker_url:
            yield Finding(
                check="orders",
                level=Level.NOTE,
                says="the broker's word alone removes this device",
                fix="set order_keys, so that only an order signed by headquarters does (docs/formats/orders.md)",
            )
        return
    signers = signers_of(settings)
    if settings.order_url:
        check_address(settings, "order_url", code="config.orders")
    where = "from the broker" if settings.broker_url else "in a file"
    where += f", at {urlsplit(settings.order_url).hostname}" if settings.order_url else ""
    says = f"only signed by {signers.threshold} of {len(signers.keys)} key(s); {where}"
    yield Finding(check="orders", level=Level.OK, says=says)
