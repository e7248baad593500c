"""Pictures as files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from renderer.errors import OutputError

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


class Replacement:
    """A temporary neighbour of a file, renamed onto it at the end of the block, or removed if that failed.

    Raises:
        OutputError: ``output.unwritable``, from entering or leaving the block.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary: Path | None = None

    def __enter__(self) -> Path:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".", suffix=self._path.suffix)
            os.close(handle)
        except OSError as exc:
            raise unwritable(self._path, exc) from exc
        self._temporary = Path(name)
        return self._temporary

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        temporary = self._temporary
        if temporary is None:
            return
        try:
            if error is None:
                mask = os.umask(0)
                os.umask(mask)
                temporary.chmod(0o666 & ~mask)  # mkstemp's 0600 is for secrets, not for pictures
                temporary.replace(self._path)
        except OSError as exc:
            raise unwritable(self._path, exc) from exc
        finally:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(self._path, error) from error


def unwritable(path: Path, error: OSError) -> OutputError:
    """What the reader is told when a file cannot be written."""
    return OutputError(
        f"cannot write: {error.strerror or error}",
        code="output.unwritable",
        where=str(path),
        hint="choose a folder that exists or can be made, that you may write to and that has room",
    )
