"""Errors of the renderer, the whole tree at a glance.

RenderError
├── AssetError        the avatar's data is wrong                    (exit status 7)
│   └── UnsupportedAsset  the data is right but asks for something we cannot do
├── GraphicsError     no usable OpenGL, or the driver refused        (exit status 8)
└── OutputError       a picture or video could not be written        (exit status 3)
"""

from __future__ import annotations

LONGEST = 500
"""Characters of a message, and of a place, that are kept."""


def on_one_line(text: str) -> str:
    """The text with what a terminal would act on escaped, and cut: files put their own names into messages."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 1]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class RenderError(Exception):
    """Base of the renderer's errors.

    Attributes:
        code: stable, dotted name of the problem, e.g. ``"glb.truncated"``; never changes once released.
        where: file, JSON pointer or device the problem was found at; may be empty.
        hint: what the reader can do about it; may be empty.
    """

    def __init__(self, message: str, *, code: str, where: str = "", hint: str = "") -> None:
        self.message = on_one_line(message)
        super().__init__(self.message)
        self.code = code
        self.where = on_one_line(where)
        self.hint = hint

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        hint = f": {self.hint}" if self.hint else ""
        return f"{self.message}{where}{hint}"


class AssetError(RenderError):
    """The avatar's data cannot be used; ``where`` holds the file and, if there is one, the JSON pointer."""


class UnsupportedAsset(AssetError):
    """The data is well formed but needs a feature that this renderer does not have."""


class GraphicsError(RenderError):
    """No OpenGL context could be made, or the driver refused to go on."""


class OutputError(RenderError):
    """A picture or video could not be written."""
