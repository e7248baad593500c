"""Everything random that the stand-in shows, from one seed, so that a run can be repeated."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import string
import uuid

_LETTERS = string.ascii_letters + string.digits


class Ids:
    """Ids, tokens and keys that look random.

    The same seed and the same order of calls give the same ids. ``derived`` does not depend on the order: it is
    made from the seed and a label alone. A state that is opened again counts its ``run`` on, so that its ids differ
    from those it gave out before.
    """

    def __init__(self, *, seed: str, run: int = 0) -> None:
        self._seed = seed
        self._random = random.Random(f"{seed} {run}")  # noqa: S311 -- repeatable on purpose: nothing here guards a real secret

    def reseed(self, seed: str) -> None:
        """Start the ids anew; ``derived`` keeps to the first seed, so that packages stay what they are."""
        self._random.seed(seed)

    def request_id(self) -> str:
        """A RequestId in the platform's form: an upper-case UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4)).upper()

    def uuid(self) -> str:
        """A lower-case UUID."""
        return self.request_id().lower()

    def token(self, length: int = 48) -> str:
        """URL-safe text of about ``length`` characters."""
        return base64.urlsafe_b64encode(self._random.randbytes(length * 3 // 4)).decode("ascii")

    def hexadecimal(self, length: int) -> str:
        """``length`` lower-case hexadecimal digits."""
        return self._random.randbytes((length + 1) // 2).hex()[:length]

    def letters(self, length: int) -> str:
        """``length`` ASCII letters and digits."""
        return "".join(self._random.choices(_LETTERS, k=length))

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return self._random.randint(low, high)

    def derived(self, label: str, length: int = 32) -> bytes:
        """Up to 32 bytes that depend on the seed and the label only."""
        return hmac.new(self._seed.encode(), label.encode(), hashlib.sha256).digest()[:length]
