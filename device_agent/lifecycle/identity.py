"""Who this device is, towards the platform.

An id that comes from the hardware survives a new disk image, so re-imaging a kiosk costs no seat. The serial number
itself never leaves the device, and two tenants see two different ids of one machine.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from device_agent.errors import ConfigurationError
from device_agent.lifecycle.clone import PartReaders

if TYPE_CHECKING:
    from device_agent.tpm.endorsement import EndorsementKey
    from device_agent.tpm.sealing import Sealer

LABEL = b"avatar-agent-id-v1"
ID_LENGTH = 26
"""Characters: 130 bits of base32."""

SERIAL_FILES = (
    Path("/sys/class/dmi/id/product_uuid"),
    Path("/sys/firmware/devicetree/base/serial-number"),
    Path("/proc/device-tree/serial-number"),
)

_JUNK = frozenset(
    {
        "",
        "defaultstring",
        "none",
        "notapplicable",
        "notavailable",
        "notspecified",
        "systemserialnumber",
        "tobefilledbyoem",
        "unknown",
        "0123456789",
        "123456789",
        "03000200040005000006000700080009",  # the UUID of boards whose maker never set one
        "12345678123456781234567812345678",
        "00020003000400050006000700080009",
    }
)
_ASSIGNED = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A device id and where it comes from: ``assigned``, ``tpm``, ``board`` or ``random``."""

    device_id: str
    source: str


class Hardware:
    """The machine's own numbers; files and randomness are passed in so that tests can be another machine."""

    def __init__(
        self,
        *,
        serial_files: Iterable[Path],
        random_bytes: Callable[[int], bytes],
        parts: PartReaders | None = None,
        tpm: EndorsementKey | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        """``parts`` tell a copied disk from its original; without them only the board does. ``tpm`` and ``sealer`` are
        of the TPM that the settings name: what the id is made from, and what the secrets are sealed to.
        """
        self.sealer = sealer
        self._tpm = tpm
        self._serial_files = tuple(serial_files)
        self.random_bytes = random_bytes
        self.parts = parts or PartReaders()

    def board_serial(self) -> str | None:
        """The board's serial, unless its maker left it blank; ``None`` when nothing readable says."""
        for path in self._serial_files:
            try:
                text = path.read_bytes()[:256].decode("ascii", "ignore")
            except OSError:
                continue
            serial = "".join(c for c in text if c.isprintable()).strip()
            if not is_junk(serial):
                return serial
        return None

    def endorsement(self) -> bytes | None:
        """The Name of the TPM's endorsement key; ``None`` where the settings name no TPM.

        Raises:
            ConfigurationError: they do, and it cannot be asked.
        """
        return None if self._tpm is None else self._tpm.name()

    def root(self, source: str) -> str | None:
        """The number that an id of this source hangs on, as it is now; "" for none, ``None`` when nobody knows."""
        if source != "tpm":
            return self.board_serial() or ""
        if self._tpm is None:
            return None
        try:
            return self._tpm.name().hex()
        except ConfigurationError:
            return None if self._tpm.is_there else ""

    def random_root(self) -> bytes:
        """128 random bits, for a machine that has no number of its own."""
        return self.random_bytes(16)


def is_junk(serial: str) -> bool:
    """Whether a serial number is one that many machines share."""
    bare = re.sub(r"[^0-9a-z]", "", serial.lower())
    return bare in _JUNK or len(set(bare)) <= 1


def derive(root: bytes, *, tenant_id: int, app_id: str) -> str:
    """The id that a root gives for one application of one tenant."""
    key = b"\0".join((LABEL, str(tenant_id).encode(), app_id.encode()))
    return base64.b32encode(hmac.new(key, root, hashlib.sha256).digest()).decode()[:ID_LENGTH]


def identify(assigned: str, *, tenant_id: int, app_id: str, hardware: Hardware) -> Identity:
    """The device's identity from the first root there is: the operator's word, the TPM, the board, chance.

    An id that the operator assigned is used as it is, so that the console shows what the operator wrote.

    Raises:
        ConfigurationError: the assigned id has characters that no id should have, or the TPM cannot be asked: the id
            must not depend on who asks first.
    """
    if assigned:
        if not _ASSIGNED.fullmatch(assigned):
            raise ConfigurationError(
                "the device id must be 1 to 64 visible ASCII characters without blanks",
                code="identity.assigned",
                where="device_id",
            )
        return Identity(device_id=assigned, source="assigned")
    endorsement = hardware.endorsement()
    if endorsement is not None:
        return Identity(device_id=derive(endorsement, tenant_id=tenant_id, app_id=app_id), source="tpm")
    serial = hardware.board_serial()
    root, source = (serial.encode(), "board") if serial is not None else (hardware.random_root(), "random")
    return Identity(device_id=derive(root, tenant_id=tenant_id, app_id=app_id), source=source)


def id_hash(device_id: str) -> str:
    """What a tombstone keeps of an id."""
    return hashlib.sha256(b"avatar-agent-tombstone-v1\0" + device_id.encode()).hexdigest()
