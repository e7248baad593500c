"""Brings a state folder under its storage key when it is opened: what lies bare goes under it, what is lost is said."""

from __future__ import annotations

from device_agent.lifecycle.journal import Journal
from device_agent.lifecycle.keyring import Keyring
from device_agent.lifecycle.machine import TRANSITIONS, Event, Phase
from device_agent.lifecycle.observe import Watch
from device_agent.lifecycle.vault import Vault

_UNTOUCHED = frozenset({Phase.CLONE_SUSPECT, Phase.ERASING, Phase.DECOMMISSIONED})
"""Phases whose secrets belong to another machine, or are about to go."""


def settle(journal: Journal, *, keyring: Keyring, vault: Vault, watch: Watch, accepting: bool) -> None:
    """To be called once the journal is open and the disk is known to be this machine's.

    Secrets first, then the record: a record that the key vouches for says that no secret lies bare any more. Whatever a
    crash cuts short is finished at the next start.

    Args:
        accepting: an operator said that the TPM which is not named any more is gone for good.

    Raises:
        ConfigurationError: the TPM cannot be asked now.
        PrivateFileError: something cannot be written; it stays as it was.
    """
    phase = journal.record.phase
    if keyring.is_lost and phase not in (Phase.CLONE_SUSPECT, Phase.ERASING):
        moved = keyring.is_elsewhere or (accepting and not keyring.seals)
        if moved and (phase, Event.HARDWARE_CHANGED) in TRANSITIONS:
            journal.write(journal.record.moved(Event.HARDWARE_CHANGED))
            return
        with watch.step("storage key") as note:
            journal.disown()
            note.result = "lost: the TPM was cleared, or both copies are damaged; record and secrets are void"
    if not keyring.seals or journal.is_keyed or journal.record.phase in _UNTOUCHED:
        return
    bare = vault.bare()
    if not bare and journal.record.phase is Phase.BLANK:
        return  # the key is made with the first thing that is worth it
    with watch.step("storage key") as note:
        vault.put_under_cover()
        if journal.record.phase is not Phase.BLANK:
            journal.write(journal.record)
        note.result = f"sealed to the TPM, {len(bare)} secrets under it"
