"""What the decoders raise; the buffers turn it into the asset's error."""

from __future__ import annotations


class Damaged(ValueError):
    """A compressed stream that its encoder cannot have written.

    Attributes:
        item: which of several streams it is.
    """

    def __init__(self, message: str, *, item: int = 0) -> None:
        super().__init__(message)
        self.item = item
