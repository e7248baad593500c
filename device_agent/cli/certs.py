"""``avatar-agent certs``: the device's own certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from device_agent.cli import options, present


def register(app: typer.Typer) -> None:
    """Add the ``certs`` commands."""
    group = typer.Typer(help="The device's own certificate.", no_args_is_help=True)
    group.command("show")(show)
    group.command("enroll")(enroll)
    group.command("renew")(renew)
    app.add_typer(group, name="certs")


def show(config: options.Config = None, state_dir: options.StateDir = None, as_json: options.Json = False) -> None:
    """Show which certificates this device has; asks nobody."""
    from certs.lineage import Lineage
    from certs.rotation import Validity, renewal_time, standing
    from device_agent.lifecycle.journal import load
    from device_agent.lifecycle.vault import Vault

    settings = options.load_settings(config, state_dir=state_dir)
    lineage = Lineage(root=Vault(settings.state_dir).identity_folder)
    seed = load(settings.state_dir).record.device_id
    found = []
    for version in lineage.versions():
        identity = lineage.read(version)
        leaf = identity.certificate
        validity = Validity(not_before=leaf.not_valid_before_utc, not_after=leaf.not_valid_after_utc)
        found.append(
            {
                "version": version,
                "fingerprint": identity.fingerprint,
                "subject": leaf.subject.rfc4514_string(),
                "issuer": leaf.issuer.rfc4514_string(),
                "ends": leaf.not_valid_after_utc.isoformat(timespec="seconds"),
                "renews": renewal_time(validity, seed=seed).isoformat(timespec="seconds"),
                "standing": standing(validity, seed=seed, now=datetime.now(UTC)).value,
                "in_use": version == lineage.live,
                "has_worked": version == lineage.proven,
            }
        )
    if as_json:
        present.put_json({"certificates": found})
        return
    if not found:
        present.put("This device has no certificate; avatar-agent certs enroll gets one.")
    for facts in found:
        marks = ", ".join(name.replace("_", " ") for name in ("in_use", "has_worked") if facts[name])
        present.put(f"{facts['version']}  {facts['fingerprint']}  {facts['standing']}  {facts['subject']}  {marks}")
        present.put(f"   issued by {facts['issuer']}, ends {facts['ends']}, renews {facts['renews']}")


def enroll(
    config: options.Config = None,
    license_file: options.License = None,
    state_dir: options.StateDir = None,
    device_id: options.DeviceId = None,
    as_json: options.Json = False,
) -> None:
    """Get the first certificate from the EST server (enroll_url, with enroll_secret)."""
    from device_agent.lifecycle.engine import Engine

    settings = options.load_settings(config, license_file=license_file, state_dir=state_dir, device_id=device_id)
    with Engine.open(settings, observer=present.step_observer(quiet=as_json)) as engine:
        fingerprint, record, steps = engine.enroll(), engine.record, engine.steps
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
