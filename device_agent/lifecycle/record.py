"""What is durable about a device. No secret is ever in it; those are in the vault."""

from __future__ import annotations

from typing import Any

import msgspec

from device_agent.lifecycle.machine import Event, Phase, after

SCHEMA = 1


class Bind(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The intent to bind and how far it got.

    Attributes:
        outcome: ``none``, ``ok``, ``refused:<cause>`` or ``unsure``.
        unsure_until: a ClientAuth without an answer may still be served until then (seconds since 1970). It is written
            with the intent, before anything is sent, and taken back when the answer is here.
        blank: that window is a blank disk's, and starts anew with the platform's first answer: until then nobody knows
            whether this device's clock is right.
    """

    intent_id: str = ""
    attempts: int = 0
    outcome: str = "none"
    unsure_until: float = 0.0
    blank: bool = False


class Bound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The seat: when it was taken, by which request, under which licence (fingerprint)."""

    at: float
    request_id: str = ""
    license_fp: str = ""


class Contact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last success of a licensed call, and what is known of the clock (seconds to add to it).

    Attributes:
        offline_s: seconds of the offline budget that are used.
        counting_boot: the start of this machine in which they were being counted when this was written; empty while
            nothing has to be counted.
        counted_at: until when, by the clock that starts with the machine.
    """

    last_ok: float = 0.0
    offline_s: float = 0.0
    offset_s: float = 0.0
    counting_boot: str = ""
    counted_at: float = 0.0


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Avatar codes: the one to show, the one before it, and what they are (code -> sha256 of the sealed package).

    Attributes:
        manifest_version: highest version of the operator's manifest that was accepted; 0 without any.
        manifest_digest: what that one lists.
        manifest_keys: ids of the keys whose signatures counted then; empty where that was not written down.
        manifest_threshold: how many of them were needed.
    """

    active: str = ""
    previous: str = ""
    packages: dict[str, str] = {}
    manifest_version: int = 0
    manifest_digest: str = ""
    manifest_keys: tuple[str, ...] = ()
    manifest_threshold: int = 0


class SeenRoot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The newest root of keys that was accepted: where a lost or replaced file of them must come back to.

    Attributes:
        first: digest of the root in the settings then; another one there is the operator's word, and begins anew.
        version, digest: of the newest.
    """

    first: str
    version: int
    digest: str


class Unbind(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The order to give the seat back and how far it got.

    Attributes:
        by: ``operator`` at the device, or ``headquarters`` by a signed order, whose id is the intent's then.
        mode: ``normal``, or ``force``: erase though the seat may still be held.
        reason: in the operator's words; may be empty.
        last_asked: the office was asked, or is about to be, to give the seat back for the last time, which revokes the
            certificate that it is asked with.
    """

    intent_id: str
    by: str = "operator"
    mode: str = "normal"
    reason: str = ""
    ordered_at: float = 0.0
    request_ids: tuple[str, ...] = ()
    sealed_at: float = 0.0
    last_asked: bool = False


class Tombstone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a removed device: a hash of its id, when, and the requests that gave the seat back."""

    id_hash: str
    at: float
    request_ids: tuple[str, ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One generation of a device's state.

    Attributes:
        v: schema of this record.
        gen: counts up with every write.
        endpoint: the platform that holds the seat.
        id_source: where the device id comes from: ``assigned``, ``tpm``, ``board`` or ``random``.
        hw_print: salted hashes of parts of the hardware, to notice a copied disk.
        blocked: why a licence is refused, when the phase is LICENSE_BLOCKED.
        started_at: when ClientStart last succeeded.
        orders: ids of the signed orders that were carried out, oldest first; they outlive the device's removal.
        root: as far as roots of keys were followed; it does too.
    """

    v: int = SCHEMA
    gen: int = 0
    phase: Phase = Phase.BLANK
    endpoint: str = ""
    device_id: str = ""
    id_source: str = ""
    hw_print: tuple[str, ...] = ()
    tenant_id: int = 0
    app_id: str = ""
    license_fp: str = ""
    bind: Bind = Bind()
    bound: Bound | None = None
    blocked: str = ""
    contact: Contact = Contact()
    started_at: float = 0.0
    content: Content = Content()
    unbind: Unbind | None = None
    tombstone: Tombstone | None = None
    orders: tuple[str, ...] = ()
    root: SeenRoot | None = None

    def moved(self, event: Event, **changes: Any) -> Record:
        """The record after an event, with further changes.

        Raises:
            StateError: the event cannot happen in this phase.
        """
        return msgspec.structs.replace(self, phase=after(self.phase, event), **changes)

    def changed(self, **changes: Any) -> Record:
        """The record with other values in the same phase."""
        return msgspec.structs.replace(self, **changes)
