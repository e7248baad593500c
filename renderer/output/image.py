"""Pictures as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from renderer.errors import OutputError
from renderer.output.replacement import Replacement

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    # Level 1 is a fifth of the time of zlib's default for a tenth more bytes.
    ".png": ("PNG", {"compress_level": 1}),
    ".webp": ("WEBP", {"quality": 92, "alpha_quality": 100, "method": 4}),
}
"""File endings that can be written, with Pillow's name of the format and the options it is written with."""


def write_image(path: Path, rgba: NDArray[np.uint8]) -> None:
    """Write ``(h, w, 4) uint8`` (sRGB, straight alpha) as PNG or WebP, by the file's ending.

    The file appears whole or not at all. A picture without a transparent pixel is stored without alpha.

    Raises:
        OutputError: ``output.format`` for another ending, ``output.unwritable`` when the file cannot be made.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise OutputError(
            f"pictures are not written as {path.suffix or 'a file without an ending'}",
            code="output.format",
            where=str(path),
            hint=f"use one of {', '.join(FORMATS)}",
        )
    solid = bool((rgba[..., 3] == 255).all())
    picture = PillowImage.fromarray(np.ascontiguousarray(rgba[..., :3]) if solid else rgba)
    name, options = kind
    with Replacement(path) as temporary:
        picture.save(temporary, format=name, **options)
