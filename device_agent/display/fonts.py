"""The fonts of the cards: Pillow's own for Latin letters, one of the system's for Chinese, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from PIL import ImageFont

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

PACKAGE = "fonts-noto-cjk"
"""Debian's package that brings one."""

_ROOTS = ("/usr/share/fonts", "/usr/local/share/fonts")
_KNOWN = (
    ("opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("opentype/noto/NotoSansCJKsc-Regular.otf", 0),
    ("noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("opentype/source-han-sans/SourceHanSansCN-Regular.otf", 0),
    ("truetype/wqy/wqy-microhei.ttc", 0),
    ("truetype/wqy/wqy-zenhei.ttc", 0),
    ("truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("truetype/arphic-gbsn00lp/gbsn00lp.ttf", 0),
)
"""Where Debian has them; in a collection with a face for each country, the one for China."""

_SAMPLE = "设备授权"
_ASK_S = 5.0
_REGULAR = 80
"""Fontconfig's number for it."""


@dataclass(frozen=True, kw_only=True)
class Face:
    """One font file, and which of its faces."""

    path: Path
    index: int = 0


@cache
def chinese() -> Face | None:
    """A font with Chinese letters; ``None`` where the system has none. Looked for once in a process."""
    return next((face for face in _candidates() if _draws_chinese(face)), None)


def _candidates() -> Iterator[Face]:
    for root in _ROOTS:
        for name, index in _KNOWN:
            if (path := Path(root) / name).is_file():
                yield Face(path=path, index=index)
    yield from _by_fontconfig()


def _by_fontconfig() -> Iterator[Face]:
    """What the system's own list of fonts has for Chinese, where there is such a list."""
    program = shutil.which("fc-list")
    if program is None:
        return
    asked = [program, ":lang=zh-cn:slant=0", "--format=%{index}\\t%{weight}\\t%{family}\\t%{file}\\n"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=_ASK_S, check=False).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return
    found = [line.split("\t") for line in said.splitlines()]
    for index, _weight, _family, file in sorted(
        (row for row in found if len(row) == 4 and row[0].isdigit()), key=_taste
    ):
        yield Face(path=Path(file), index=int(index) & 0xFFFF)  # above: instances of a variable font


def _taste(row: Sequence[str]) -> tuple[object, ...]:
    """Plain weight before bold, the letters of China before those of other countries, sans before serif, and so on."""
    index, weight, family, file = row
    plain = weight == str(_REGULAR)
    china = any(sign in family for sign in ("SC", "CN", "GB", "Hei", "Droid"))
    return not plain, not china, "Serif" in family or "Ming" in family, "Mono" in family, file, int(index)


def _draws_chinese(face: Face) -> bool:
    """Whether it opens, and has letters where others have the box for what is missing."""
    try:
        font = ImageFont.truetype(face.path, 24, index=face.index)
    except OSError:
        return False
    missing = bytes(font.getmask("\U000f0000"))
    drawn = {bytes(font.getmask(letter)) for letter in _SAMPLE}
    return len(drawn) == len(_SAMPLE) and missing not in drawn


@cache
def font(pixels: int, face: Face | None = None) -> Font:
    """A font of a size; without a face Pillow's own, which has Latin letters only."""
    if face is not None:
        return ImageFont.truetype(face.path, pixels, index=face.index)
    return ImageFont.load_default(pixels)
