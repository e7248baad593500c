"""The storage key of one state folder: what it covers, what it vouches for, and whom it does not believe.

With the setting ``tpm`` the key is made with the first thing that is written, and sealed to the TPM. Secrets lie under
it, records carry an HMAC of it. The sealed bytes also name the two slots of the record as they were when the key was
made (SHA-256): a record without an HMAC is believed only if it is one of those, so that a device that had no key before
goes on, and nobody else's record ever counts. A record with a valid HMAC says that every secret lies under the key
already: bare ones are not believed any more.

A key that takes a lost one's place names the two slots too, as void: until there is a record under the new key, they
say who this device is, and nothing else. So the id is there with the key, in one durable step, and no power failure
comes between the two.

Where no TPM is named and no key is there, none of this happens.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from os import urandom
from pathlib import Path

from certs.cover import BARE, KEY_LENGTH, Cover, KeyedCover, derived, is_covered
from certs.errors import PrivateFileError, SealError
from certs.files import read_private
from certs.secret import SecretBytes
from device_agent.config import Settings
from device_agent.errors import ConfigurationError
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Reach, unwatched
from device_agent.lifecycle.slot import SLOTS, Slot
from device_agent.tpm.sealing import AnotherTpm, SealedObject, Sealer

_RECORDS = b"avatar-agent records v1"
_NOTHING = bytes(32)
_HELD = KEY_LENGTH + 64
_VOID = b"\x01"


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What was sealed: the key, and the slots that were there before it; ``void``: which only name the device."""

    key: SecretBytes = field(repr=False)
    before: tuple[bytes, bytes]
    void: bool = False

    @classmethod
    def parse(cls, data: bytes) -> _Held | None:
        data, rest = data[:_HELD], data[_HELD:]
        if len(data) != _HELD or rest not in (b"", _VOID):
            return None
        key, first, second = data[:KEY_LENGTH], data[KEY_LENGTH:-32], data[-32:]
        return cls(key=SecretBytes(key), before=(first, second), void=rest == _VOID)

    def sealing(self) -> bytes:
        return b"".join((self.key, *self.before, _VOID if self.void else b""))

    def was_there(self, slot: Slot) -> bool:
        return hashlib.sha256(slot.data).digest() in self.before


class Keyring:
    """A ``Cover`` for the secrets, and a judge of records. Asks the TPM when it must, and once.

    One that a ``Journal`` was opened with may make and remove keys, because it is the only writer; others only read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sealer: Sealer | None,
        random_bytes: Callable[[int], bytes] = urandom,
        reach: Reach = unwatched,
    ) -> None:
        self._folder = folder
        self._sealer = sealer
        self._random_bytes = random_bytes
        self._reach = reach
        self._copies: list[SealedObject | None] | None = None
        self._held: _Held | None = None
        self._lost = False
        self._elsewhere = False
        self.disowned = False
        """Whether the record beside a lost key was found void (``Journal.disown``): the next key says so."""
        self.trusts_bare = True
        """Whether a secret that lies bare is believed: until a record says that all lie under the key."""

    @property
    def seals(self) -> bool:
        """Whether what is written from now on lies under a key."""
        return self._sealer is not None or self._held is not None

    @property
    def lacks_key(self) -> bool:
        """Whether there should be a key and none is at hand: it is lost, or not made yet."""
        return self._lost or (self._sealer is not None and self._held is None)

    @property
    def is_lost(self) -> bool:
        """Whether there is a sealed key that nobody can open here: another TPM's, a cleared one's, or damaged."""
        return self._lost

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is lost because another TPM has sealed it, and not this one before it was cleared."""
        return self._lost and self._elsewhere

    def look(self, *, accepting: bool = False) -> None:
        """Find out about the key; asks the TPM if there is one to be opened.

        Args:
            accepting: an operator said that the TPM which is not named any more is gone for good.

        Raises:
            ConfigurationError: the TPM cannot be asked now, or no setting names it; nothing is lost.
            PrivateFileError: the sealed key cannot be read.
        """
        if self._copies is not None:
            return
        copies = sealed_key.read(self._folder)
        whole = [copy for copy in copies if copy is not None]
        if whole and self._sealer is None and not accepting:
            raise ConfigurationError(
                "the secrets of this device are sealed to a TPM that no setting names",
                code="identity.tpm_unset",
                where=str(self._folder),
                hint='set tpm = "/dev/tpmrm0" again; if that TPM is gone for good: avatar-agent bind'
                " --accept-new-hardware",
            )
        self._held = next((held for held in map(self._unsealed, dict.fromkeys(whole)) if held is not None), None)
        self._lost = bool(copies) and self._held is None
        self._copies = copies

    def mend(self) -> None:
        """Write a copy of the sealed key that is damaged or missing again; only for the one writer. A disk that refuses
        is no reason to stop: the other copy is whole.
        """
        copies = self._copies or []
        good = next((copy for copy in copies if copy is not None and self._unsealed(copy) is not None), None)
        if good is not None and copies != [good, good]:
            with suppress(PrivateFileError):
                sealed_key.write(self._folder, good, reach=self._reach)

    def require(self) -> None:
        """For who only reads: find out about the key.

        Raises:
            SealError: it cannot be opened here, now or ever.
            ConfigurationError, PrivateFileError: see ``look``.
        """
        self.look()
        if self._lost:
            raise SealError(
                "the secrets of this device cannot be opened: they were sealed to another TPM, or it was cleared since",
                code="seal.lost",
                where=str(self._folder),
                hint="bind again with the licence file: avatar-agent bind; an office wants a new enroll_secret for it",
            )

    def believes(self, slot: Slot) -> bool:
        """Whether a whole record is this device's own, and not put there by somebody without the key."""
        self.look()
        if self._held is not None:
            if slot.mac is None:
                return not self._held.void and self._held.was_there(slot)
            return hmac.compare_digest(_mac(self._held.key, slot.signed), slot.mac)
        # Power failed while it was being erased, key first: nobody can vouch any more, and it only destroys.
        return slot.mac is None or slot.record.phase is Phase.ERASING

    def names(self, slot: Slot) -> bool:
        """Whether a whole record says who this device is, and nothing else: it was there when a key was lost."""
        self.look()
        return self._held is not None and self._held.void and self._held.was_there(slot)

    def mac(self, signed: bytes) -> bytes | None:
        """The HMAC for a record that is about to be written; makes the key at first. ``None`` without a TPM.

        Raises:
            ConfigurationError: the TPM cannot be asked now.
            PrivateFileError: the sealed key cannot be written.
        """
        held = self._for_writing()
        return None if held is None else _mac(held.key, signed)

    def close(self, name: str, plain: bytes) -> bytes:
        """What is to be written in a secret's place. Raises as ``mac``."""
        return self._cover(self._for_writing()).close(name, plain)

    def open(self, name: str, kept: bytes) -> SecretBytes:
        """The secret in what was written; the TPM is asked only for what lies under the key.

        Raises:
            SealError: it cannot be opened, now or ever.
            ConfigurationError, PrivateFileError: see ``look``.
        """
        if is_covered(kept):
            self.look()
        elif self.trusts_bare:
            return BARE.open(name, kept)
        return self._cover(self._held).open(name, kept)

    def destroy(self) -> None:
        """Remove the sealed key: whatever lies under it is gone at once. May be repeated.

        Raises:
            PrivateFileError: it could not be removed.
        """
        sealed_key.remove(self._folder)
        self._held, self._lost = None, False

    def _for_writing(self) -> _Held | None:
        self.look()
        if self._sealer is None:
            if self._lost:  # an operator gave it up
                self.destroy()
        elif self._held is None:
            self._held = self._made(self._sealer)
            self._lost = False
        return self._held

    def _made(self, sealer: Sealer) -> _Held:
        void = self._lost and self.disowned and not self._elsewhere
        before = (_NOTHING, _NOTHING) if self._lost and not void else self._slots()
        held = _Held(key=SecretBytes(self._random_bytes(KEY_LENGTH)), before=before, void=void)
        sealed = sealer.seal(held.sealing())
        # Over a lost one, not after it: while neither is there, the record would be nobody's, and its id gone.
        sealed_key.write(self._folder, sealed, reach=self._reach)
        return held

    def _slots(self) -> tuple[bytes, bytes]:
        found = []
        for name in SLOTS:
            try:
                found.append(hashlib.sha256(read_private(self._folder / name)).digest())
            except PrivateFileError:
                found.append(_NOTHING)
        return found[0], found[1]

    def _unsealed(self, sealed: SealedObject) -> _Held | None:
        if self._sealer is None:
            return None
        try:
            return _Held.parse(self._sealer.unseal(sealed))
        except AnotherTpm as another:
            self._elsewhere = not another.cleared
            return None

    def _cover(self, held: _Held | None) -> Cover:
        return BARE if held is None else KeyedCover(held.key, random_bytes=self._random_bytes)


def reading(state_dir: Path, *, sealer: Sealer | None) -> Keyring:
    """For who only reads the device's state: makes nothing, and asks the TPM only for what lies under the key.

    Raises:
        SealError: the key cannot be opened here, now or ever.
        ConfigurationError, PrivateFileError: see ``Keyring.look``.
    """
    keyring = Keyring(state_dir, sealer=sealer)
    keyring.require()
    return keyring


def keyring_of(settings: Settings) -> Keyring:
    """For who only reads, of the state folder and the TPM that the settings name; nobody is asked yet."""
    return Keyring(settings.state_dir, sealer=Sealer(Path(settings.tpm)) if settings.tpm else None)


def read_with(settings: Settings) -> Keyring:
    """``keyring_of``, found out about. Raises as ``reading``."""
    keyring = keyring_of(settings)
    keyring.require()
    return keyring


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(derived(key, purpose=_RECORDS), signed, hashlib.sha256).digest()
