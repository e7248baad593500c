"""The token of LicenseAuth: how old it is, how long it may be good, and the one before it.

The platform does not say when a token ends. So its life is assumed (an hour at first) and learned from rejections; at
half of it another token is asked for (``service.token_renewal``). The token before stays until the new one has worked.
Both lie in one secret file, so that no crash comes between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec

from certs.errors import PrivateFileError
from device_agent.lifecycle.vault import Vault
from device_agent.secret import Secret

FIRST_GUESS_S = 3600.0
SHORTEST_S, LONGEST_S = 300.0, 604800.0
LEARNED_PART = 0.8
"""Of the age at which a token was rejected; rather too short a life than a token that does not open anything."""

UNSAFE = ("file.mode", "file.owner", "file.link", "file.not_file", "file.long")
"""What somebody planted or opened: it counts as no token, and another takes its place."""


class Token(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token as it is kept.

    Attributes:
        at: when it came, seconds since 1970 by the platform's clock; ``None`` when nobody wrote that down.
        before: the last one that worked, else the one before; ``None`` when this one has worked.
        before_worked: whether that one ever opened anything.
        life_s: how long it is assumed to be good.
    """

    token: Secret
    at: float | None = None
    before: Secret | None = None
    before_worked: bool = False
    life_s: Annotated[float, msgspec.Meta(ge=SHORTEST_S, le=LONGEST_S)] = FIRST_GUESS_S
    worked: bool = False
    rejected: bool = False

    @property
    def to_try(self) -> tuple[Secret, ...]:
        """The order in which whoever uses it tries: the new one, then the one before."""
        return (self.token,) if self.before is None else (self.token, self.before)

    @property
    def until(self) -> float:
        """The end of its assumed life, seconds since 1970; 0 when nobody knows when it came."""
        return self.at + self.life_s if self.at is not None else 0.0

    def age_s(self, *, now: float) -> float | None:
        """Seconds since it came; ``None`` where no clock can tell: not written down, or later than now."""
        return now - self.at if self.at is not None and now >= self.at else None


def received(kept: Token | None, token: Secret, *, now: float) -> Token:
    """What is kept when a token has come: of those before it, the one that worked stays beside it until it has, too."""
    if kept is None:
        return Token(token=token, at=now)
    before, worked = (kept.token, True) if kept.worked else (kept.before, kept.before_worked)
    if not worked:
        before = kept.token
    same = before == token
    return Token(
        token=token, at=now, before=None if same else before, before_worked=worked and not same, life_s=kept.life_s
    )


def worked(kept: Token, token: Secret) -> Token:
    """What is kept when a token has opened something: if it is this one, the one before is not needed any more."""
    if token == kept.token:
        return msgspec.structs.replace(kept, worked=True, rejected=False, before=None, before_worked=False)
    return msgspec.structs.replace(kept, before_worked=True) if token == kept.before else kept


def rejected(kept: Token, token: Secret, *, now: float) -> Token:
    """What is kept when a token was refused: if it is this one, its life is learned from its age, once. It stays."""
    if token != kept.token or kept.rejected:
        return kept
    age_s = kept.age_s(now=now)
    life_s = kept.life_s if age_s is None else round(min(max(LEARNED_PART * age_s, SHORTEST_S), LONGEST_S), 1)
    return msgspec.structs.replace(kept, life_s=life_s, rejected=True)


def kept_token(vault: Vault) -> Token | None:
    """The token on this disk; one that a disk has damaged, or others could read, counts as none.

    Raises:
        PrivateFileError: the disk cannot be read.
    """
    with _damage_is_none():
        text = vault.token()
        if text is not None:
            return msgspec.json.decode(text.reveal(), type=Token, dec_hook=_secret)
    with _damage_is_none():
        token, before = vault.bare_tokens()  # of a device that kept no more; they go when the next one is kept
        if token:
            return Token(token=token, before=before or None)
    return None


def keep(vault: Vault, token: Token) -> None:
    """Make it durable, with the one before.

    Raises:
        PrivateFileError: the disk cannot be written.
    """
    vault.put_token(msgspec.json.encode(token, enc_hook=Secret.reveal).decode())


def take(vault: Vault, token: Secret, *, now: float) -> None:
    """Keep a token that has just come; ``now`` by the platform's clock.

    Raises:
        PrivateFileError: the disk cannot be read or written.
    """
    keep(vault, received(kept_token(vault), token, now=now))


@contextmanager
def _damage_is_none() -> Iterator[None]:
    try:
        yield
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    except PrivateFileError as error:
        if error.code not in UNSAFE:
            raise


def _secret(kind: type, value: Any) -> Secret:
    if kind is not Secret or not isinstance(value, str) or not value:
        raise ValueError("no token")
    return Secret(value)
