"""``avatar-agent certs``: the device's own certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from device_agent.cli import options, present
from device_agent.cli.passphrase import PassFile, passphrase
from device_agent.errors import ConfigurationError
from device_agent.plain_file import write_new

if TYPE_CHECKING:
    from certs.lineage import Lineage

Bundle = Annotated[Path, typer.Argument(metavar="FILE", help="A PKCS#12 file (.p12, .pfx).")]

MAX_BUNDLE = 1024 * 1024
DAMAGED = "damaged"


def register(app: typer.Typer) -> None:
    """Add the ``certs`` commands."""
    group = typer.Typer(help="The device's own certificate.", no_args_is_help=True)
    group.command("show")(show)
    group.command("enroll")(enroll)
    group.command("renew")(renew)
    group.command("import")(import_)
    group.command("export")(export)
    app.add_typer(group, name="certs")


def show(config: options.Config = None, state_dir: options.StateDir = None, as_json: options.Json = False) -> None:
    """Show which certificates this device has; asks nobody."""
    from device_agent.lifecycle.journal import load
    from device_agent.lifecycle.vault import Vault

    settings = options.load_settings(config, state_dir=state_dir)
    lineage = Vault(settings.state_dir).lineage
    seed = load(settings.state_dir).record.device_id
    found = [_facts(lineage, version, seed=seed) for version in lineage.versions()]
    if as_json:
        present.put_json({"certificates": found})
        return
    if not found:
        present.put("This device has no certificate; avatar-agent certs enroll gets one.")
    for facts in found:
        if facts["standing"] == DAMAGED:
            present.put(f"{facts['version']}  is damaged on the disk: it is not used, and another takes its place")
            continue
        marks = ", ".join(name.replace("_", " ") for name in ("in_use", "has_worked") if facts[name])
        present.put(f"{facts['version']}  {facts['fingerprint']}  {facts['standing']}  {facts['subject']}  {marks}")
        present.put(f"   issued by {facts['issuer']}, ends {facts['ends']}, renews {facts['renews']}")
        present.put(f"   its key is {facts['key']}")


def _facts(lineage: Lineage, version: int, *, seed: str) -> dict[str, Any]:
    """One version; one that a disk has damaged hides none of the others."""
    from certs.errors import IdentityError
    from certs.identity import fingerprint
    from certs.rotation import renewal_time, standing, validity_of

    links = {"in_use": version == lineage.live, "has_worked": version == lineage.proven}
    try:
        leaf = lineage.certificates(version)[0]
        key = "sealed to the TPM" if lineage.is_covered(version) else "in a file"
    except IdentityError:
        return {"version": version, "standing": DAMAGED, **links}
    validity = validity_of(leaf)
    return {
        "version": version,
        "fingerprint": fingerprint(leaf),
        "subject": leaf.subject.rfc4514_string(),
        "issuer": leaf.issuer.rfc4514_string(),
        "ends": leaf.not_valid_after_utc.isoformat(timespec="seconds"),
        "renews": renewal_time(validity, seed=seed).isoformat(timespec="seconds"),
        "standing": standing(validity, seed=seed, now=datetime.now(UTC)).value,
        "key": key,
        **links,
    }


def enroll(
    config: options.Config = None,
    license_file: options.License = None,
    state_dir: options.StateDir = None,
    device_id: options.DeviceId = None,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Also where one is in use, because it was revoked; takes another secret."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Get the first certificate from the EST server (enroll_url, with enroll_secret)."""
    from device_agent.lifecycle.engine import Engine

    settings = options.load_settings(config, license_file=license_file, state_dir=state_dir, device_id=device_id)
    with Engine.open(settings, observer=present.step_observer(quiet=as_json)) as engine:
        fingerprint, record, steps = engine.enroll(anew=anew), engine.record, engine.steps
    if as_json:
        present.put_json(
            {"fingerprint": fingerprint, "device_id": record.device_id, "steps": present.steps_as_facts(steps)}
        )
        return
    present.put(f"Certificate {fingerprint} for device {record.device_id} is in use.")


def renew(
    config: options.Config = None,
    state_dir: options.StateDir = None,
    force: Annotated[bool, typer.Option("--force", help="Also before it is time.")] = False,
    as_json: options.Json = False,
) -> None:
    """Renew the certificate when half of its life is over; the old one stays until the new one has worked."""
    from device_agent.lifecycle.engine import Engine

    settings = options.load_settings(config, state_dir=state_dir)
    with Engine.open(settings, observer=present.step_observer(quiet=as_json)) as engine:
        fingerprint, steps = engine.renew_certificate(force=force), engine.steps
    if as_json:
        present.put_json({"renewed": fingerprint or None, "steps": present.steps_as_facts(steps)})
        return
    present.put(f"Renewed: {fingerprint} is in use." if fingerprint else "Nothing to do: it is not time yet (--force).")


def import_(
    file: Bundle,
    pass_file: PassFile = None,
    config: options.Config = None,
    license_file: options.License = None,
    state_dir: options.StateDir = None,
    device_id: options.DeviceId = None,
    as_json: options.Json = False,
) -> None:
    """Use a key and certificate from a PKCS#12 file, where they were made elsewhere for this device."""
    from certs.identity import Identity
    from device_agent.lifecycle.engine import Engine

    settings = options.load_settings(config, license_file=license_file, state_dir=state_dir, device_id=device_id)
    identity = Identity.from_pkcs12(_read(file), password=passphrase(pass_file), where=str(file))
    with Engine.open(settings, observer=present.step_observer(quiet=as_json)) as engine:
        worked, record, steps = engine.take_over(identity), engine.record, engine.steps
    if as_json:
        facts = {"fingerprint": identity.fingerprint, "device_id": record.device_id, "has_worked": worked}
        present.put_json({**facts, "steps": present.steps_as_facts(steps)})
        return
    present.put(f"Certificate {identity.fingerprint} for device {record.device_id} is in use.")
    if not worked:
        present.put("Nobody was asked whether it works: neither enroll_url nor broker_url is set.")


def export(
    file: Bundle,
    pass_file: PassFile = None,
    config: options.Config = None,
    state_dir: options.StateDir = None,
    as_json: options.Json = False,
) -> None:
    """Write the key and certificate in use as a PKCS#12 file: from then on the key is not on this device alone."""
    from device_agent.lifecycle.journal import load
    from device_agent.lifecycle.keyring import read_with
    from device_agent.lifecycle.vault import Vault

    settings = options.load_settings(config, state_dir=state_dir)
    identity = Vault(settings.state_dir, cover=read_with(settings)).lineage.current()
    if identity is None:
        raise ConfigurationError(
            "this device has no certificate", code="office.no_certificate", hint="avatar-agent certs enroll"
        )
    name = load(settings.state_dir).record.device_id or "avatar-agent"
    _write(file, identity.to_pkcs12(password=passphrase(pass_file, twice=True), name=name))
    if as_json:
        present.put_json({"fingerprint": identity.fingerprint, "file": str(file)})
        return
    present.put(
        f"{file}: certificate {identity.fingerprint} and its key. Whoever has file and pass phrase is this device."
    )


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BUNDLE + 1)
    except OSError as error:
        raise ConfigurationError(
            f"the PKCS#12 file cannot be read: {(error.strerror or 'unknown').lower()}",
            code="certs.file",
            where=str(file),
            hint="name a file that this user can read",
        ) from error
    if len(data) > MAX_BUNDLE:
        raise ConfigurationError(
            f"the file is longer than {MAX_BUNDLE // 1024**2} MiB",
            code="certs.file",
            where=str(file),
            hint="a PKCS#12 file has a few kilobytes",
        )
    return data


def _write(file: Path, data: bytes) -> None:
    try:
        write_new(file, data)
    except OSError as error:
        raise ConfigurationError(
            f"the PKCS#12 file cannot be written: {(error.strerror or 'unknown').lower()}",
            code="certs.file",
            where=str(file),
            hint="name a file that is not there yet, in a folder that this user can write",
        ) from error
