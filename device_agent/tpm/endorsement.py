"""The TPM's endorsement key: a number of this machine that no disk image carries and no operator can mistype.

The default templates (L-1 and L-2 of the TCG EK credential profile) give the same key every time. The key is not used
for anything: its Name is what the device id is made from. ``tpm2_createek -G ecc`` and ``tpm2_readpublic`` show the
same Name.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from device_agent.tpm import wire
from device_agent.tpm.primary import primary

_POLICY_SECRET = 0x151  # TPM_CC
_ATTRIBUTES = (
    wire.FIXED_TPM
    | wire.FIXED_PARENT
    | wire.SENSITIVE_DATA_ORIGIN
    | wire.ADMIN_WITH_POLICY
    | wire.RESTRICTED
    | wire.DECRYPT
)


class EndorsementKey:
    """The endorsement key behind a TPM's device file (``/dev/tpmrm0``), or a Unix socket that speaks for one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name: bytes | None = None

    @property
    def is_there(self) -> bool:
        """Whether the machine has the device file."""
        return self._path.exists()

    def name(self) -> bytes:
        """The key's Name without its algorithm: 32 bytes. Asked for once; a machine does not change its TPM while it
        runs.

        Raises:
            ConfigurationError: there is no TPM, it cannot be reached, or it refuses (``identity.tpm``).
        """
        if self._name is None:
            missing = "turn the TPM on in the firmware, or leave the setting tpm out before the device has its id"
            with wire.told(self._path, without=missing), wire.opened(self._path) as exchange:
                self._name = hashlib.sha256(endorsement_public(exchange)).digest()
        return self._name


def endorsement_public(exchange: wire.Exchange) -> bytes:
    """The public area (TPMT_PUBLIC) of the endorsement key: P-256, or RSA 2048 where there is no such curve.

    Args:
        exchange: sends one command and gives its response.

    Raises:
        OSError: the TPM refuses, or what it says is no response.
    """
    with primary(exchange, wire.ENDORSEMENT, attributes=_ATTRIBUTES, policy=_policy()) as key:
        return key.public


def _policy() -> bytes:
    """PolicySecret(endorsement): extended with the command and the hierarchy's name, then with an empty policyRef."""
    policy = hashlib.sha256(bytes(32) + struct.pack(">II", _POLICY_SECRET, wire.ENDORSEMENT)).digest()
    return hashlib.sha256(policy).digest()
