"""What this device is and holds; asks nobody, so it works offline and at once."""

from __future__ import annotations

import os
from pathlib import Path

from device_agent.avatars.kept import kept
from device_agent.cli import present
from device_agent.cli.given import load_settings
from device_agent.errors import AgentError
from device_agent.lifecycle import clone, sealed_key
from device_agent.lifecycle.budget import may_show
from device_agent.lifecycle.identity import SERIAL_FILES, Hardware
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.vault import AVATARS
from device_agent.service.overlay import content_of

MEANINGS = {
    "blank": "not bound; nothing was ever sent",
    "clone-suspect": "this disk was made on other hardware",
    "identified": "has an id, not bound yet",
    "binding": "a request for a seat was sent or interrupted; run bind again",
    "seat-full": "every seat of the licence is taken; run bind again when one is free",
    "license-blocked": "the licence was refused",
    "bound": "bound; no avatar yet",
    "ready": "bound, and an avatar is here",
    "locked": "offline for too long",
    "unbinding": "being unbound; run unbind again",
    "sealing": "the seat is given back; run unbind once more",
    "erasing": "being erased; run unbind again",
    "decommissioned": "removed; bind makes it a new device",
}


def show(
    *,
    config: Path | None = None,
    state_dir: Path | None = None,
    cache_dir: Path | None = None,
    as_json: bool = False,
) -> None:
    """Print it, for a person or as one JSON object."""
    settings = load_settings(config, state_dir=state_dir, cache_dir=cache_dir)
    loaded = load(settings.state_dir)
    record = loaded.record
    # Without the TPM, which may be slow and is not everybody's to ask: the other parts decide then.
    hardware = Hardware(serial_files=SERIAL_FILES, random_bytes=os.urandom)
    moved = clone.suspect(record, root=hardware.root, parts=clone.system_parts())
    phase = str(Phase.CLONE_SUSPECT if moved else record.phase)
    here = sorted(code for code in record.content.packages if _is_here(settings.cache_dir / AVATARS, code))
    has_avatar = record.content.active in here
    shows = not moved and has_avatar and may_show(record, budget_s=settings.offline_budget_s)
    secrets = "sealed to the TPM" if sealed_key.is_there(settings.state_dir) else "in files"
    facts = {
        "phase": phase,
        "device_id": record.device_id or None,
        "id_source": record.id_source or None,
        "tenant_id": record.tenant_id or None,
        "app_id": record.app_id or None,
        "license": record.license_fp or None,
        "bound_at": present.moment(record.bound.at) if record.bound else None,
        "blocked": record.blocked or None,
        "avatar": record.content.active or None,
        "avatars": here,
        "content": str(content_of(has_avatar=has_avatar)),
        "session_started_at": present.moment(record.started_at),
        "may_show": shows,
        "offline_s": round(record.contact.offline_s),
        "offline_budget_s": settings.offline_budget_s,
        "last_contact": present.moment(record.contact.last_ok),
        "clock_offset_s": record.contact.offset_s,
        "removed_at": present.moment(record.tombstone.at) if record.tombstone else None,
        "endpoint": record.endpoint or settings.endpoint,
        "state_dir": str(settings.state_dir),
        "cache_dir": str(settings.cache_dir),
        "secrets": secrets,
        "state_damaged": list(loaded.damaged),
    }
    if as_json:
        present.put_json(facts)
        return
    meaning = MEANINGS.get(phase, "")
    active = record.content.active
    if active in here and phase == Phase.BOUND:
        meaning = f"bound; the avatar of before is here: avatar-agent fetch {active} takes it up again"
    elif active and active not in here and phase in (Phase.BOUND, Phase.READY):
        meaning = f"bound, but the avatar {active} is not in the cache any more; avatar-agent fetch {active}"
    if loaded.blank_reason == "corrupt":
        meaning = "the record on disk is damaged; run bind again"
    shown = {
        "State": f"{phase} ({meaning})",
        "Device": f"{record.device_id} (from: {record.id_source})" if record.device_id else "",
        "Tenant": str(record.tenant_id or ""),
        "Application": record.app_id,
        "Licence": record.license_fp,
        "Bound since": facts["bound_at"],
        "Refused": record.blocked,
        "Avatar": active if active in here else "",
        "Last contact": facts["last_contact"],
        "Offline for": f"{record.contact.offline_s / 3600:.1f} of {settings.offline_budget_s / 3600:.0f} h"
        if record.contact.offline_s
        else "",
        "Removed": facts["removed_at"],
        "Platform": facts["endpoint"],
        "State folder": facts["state_dir"],
        "Secrets": secrets if record.device_id else "",
        "Damaged": ", ".join(loaded.damaged),
    }
    present.put_pairs([(name, str(value)) for name, value in shown.items() if value])


def _is_here(root: Path, code: str) -> bool:
    """Whether the avatar can be opened as far as a look tells; why it cannot be read is ``doctor``'s to say."""
    try:
        return kept(root, code) is not None
    except AgentError:
        return False
