"""The operator's own picture for a device that may not show its avatar: decoded when needed, fitted to the screen."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from device_agent.display.card_picture import Picture
from device_agent.display.seen import PictureFile

MOST_PIXELS = 64_000_000
"""Of the file's picture; a screen of 3840x2160 has 8 million."""

_FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass
class OperatorsPicture:
    """Remembers the picture as it was last fitted, until its file or the screen is another."""

    _known: tuple[object, Picture | None] | None = None

    def fitted(self, file: PictureFile | None, size: tuple[int, int]) -> Picture | None:
        """The picture ``(h, w, 3) uint8`` that fills a screen of ``size``, cut at two sides where it has another shape;
        ``None`` where there is none, or it is no picture.
        """
        if file is None:
            return None
        key = (file.stamp, size)
        if self._known is None or self._known[0] != key:
            self._known = key, _read(file.data, size)
        return self._known[1]


def _read(data: bytes, size: tuple[int, int]) -> Picture | None:
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if opened.width * opened.height > MOST_PIXELS:
                return None
            opened.draft("RGB", (2 * size[0], 2 * size[1]))
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            return np.asarray(ImageOps.fit(upright, size, Image.Resampling.LANCZOS))
    except Exception:  # noqa: BLE001 -- Pillow raises whatever a damaged file makes of it, and a card is better than nothing
        return None
