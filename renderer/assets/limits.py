"""How much an asset may ask for. Each number is a setting; the defaults suit avatars on a small computer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True, frozen=True)
class Limits:
    """Bounds that a file, however it lies about itself, cannot exceed.

    Attributes:
        source_bytes: size of any one file that is read.
        archive_bytes: size of all entries of an archive, unpacked.
        archive_entries: how many they are.
        objects: length of any one list of the glTF JSON (nodes, accessors, ...).
        decoded_bytes: size of all vertex, index and key data together, as arrays.
        empty_bytes: the part of it that no stored bytes stand behind: accessors without a buffer view, which are all
            zeros however long they claim to be.
        picture_pixels: width times height of one picture.
    """

    source_bytes: int = 512 << 20
    archive_bytes: int = 1 << 30
    archive_entries: int = 10_000
    objects: int = 100_000
    decoded_bytes: int = 1 << 30
    empty_bytes: int = 64 << 20
    picture_pixels: int = 1 << 27
