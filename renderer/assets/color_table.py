"""An avatar package's colour table (``lut.png``)."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from renderer.assets.picture import probe

WIDTH, HEIGHT = 256, 16


def color_table_size(data: bytes) -> bool:
    """Whether some bytes look like a colour table: a picture of 256 x 16."""
    info = probe(data)
    return info is not None and (info.width, info.height) == (WIDTH, HEIGHT)


def read_color_table(data: bytes) -> NDArray[np.uint8] | None:
    """``(16, 256, 3) uint8``, top row (green 0) first: a picture's colours as they stand, without conversion.

    None for a picture that cannot be decoded.
    """
    from PIL import Image  # only packages with a table need it

    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            return np.array(picture.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
