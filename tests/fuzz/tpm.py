"""What a TPM answers: one that is broken, or somebody between it and us."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from device_agent.tpm.endorsement import endorsement_public
from device_agent.tpm.sealing import AnotherTpm, seal, unseal
from tests.fuzz.target import Target
from tests.stand_in_tpm import CREATE_PRIMARY, LOAD, UNSEAL, StandInTpm

CHIP = StandInTpm()
SEALED = seal(CHIP, bytes(96))
ASKED = (CREATE_PRIMARY, LOAD, UNSEAL)


def number(command: bytes) -> int:
    return int.from_bytes(command[6:10], "big")


def read_endorsement(data: bytes) -> None:
    with suppress(OSError):  # as of a device that cannot be read
        endorsement_public(lambda _command: data)


def read_sealed(data: bytes) -> None:
    """The first byte chooses which of the commands is answered with the case."""
    asked = ASKED[data[0] % len(ASKED)] if data else UNSEAL
    CHIP.objects.clear()
    with suppress(OSError, AnotherTpm):
        unseal(lambda command: data[1:] if number(command) == asked else CHIP(command), SEALED)


def answers() -> Sequence[bytes]:
    """Those of a chip that is right, each behind the byte that chooses its command."""
    heard: list[bytes] = []

    def listen(command: bytes) -> bytes:
        answer = CHIP(command)
        if number(command) in ASKED:
            heard.append(bytes([ASKED.index(number(command))]) + answer)
        return answer

    CHIP.objects.clear()
    unseal(listen, SEALED)
    return heard


def endorsements() -> Sequence[bytes]:
    heard: list[bytes] = []

    def listen(command: bytes) -> bytes:
        heard.append(CHIP(command))
        return heard[-1]

    CHIP.objects.clear()
    endorsement_public(listen)
    return heard


TARGETS = {
    "tpm-endorsement": Target(run=read_endorsement, seeds=endorsements, longest=1024),
    "tpm-unseal": Target(run=read_sealed, seeds=answers, longest=1024),
}
