"""Shader programs: sources composed from files, one header per profile, each variant built once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from renderer.errors import GraphicsError
from renderer.gl.context import GraphicsContext

HEADERS = {
    "gl": "#version 330 core\n",
    "es": "#version 310 es\nprecision highp float;\nprecision highp int;\n"
    "precision highp sampler2D;\nprecision highp sampler3D;\nprecision highp sampler2DShadow;\n",
}
"""What each profile's sources start with; everything after it is shared."""

_INCLUDE = '#include "'


def source(name: str) -> str:
    """Text of a shader file with its ``#include "..."`` lines resolved; a file is taken once."""
    return _resolved(name, set())


def _resolved(name: str, taken: set[str]) -> str:
    taken.add(name)
    text = (resources.files("renderer.gl") / "shaders" / name).read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        if line.startswith(_INCLUDE):
            inner = line[len(_INCLUDE) : -1]
            lines.append("" if inner in taken else _resolved(inner, taken))
        elif not line.lstrip().startswith("//"):
            lines.append(line)
    return "\n".join(lines)


class Programs:
    """The programs of one context.

    A variant is named by its two files and its defines; asking for it again costs a dictionary look-up.
    """

    def __init__(self, context: GraphicsContext) -> None:
        self._context = context
        self._built: dict[tuple[str, str, tuple[tuple[str, str], ...]], Any] = {}
        self._sources: dict[str, str] = {}

    def get(self, *, vertex: str, fragment: str, defines: Mapping[str, str] | None = None) -> Any:
        """The linked program of ``shaders/<vertex>`` and ``shaders/<fragment>`` with the given macros.

        Raises:
            GraphicsError: ``gl.shader`` with the driver's own words.
        """
        macros = tuple(sorted((defines or {}).items()))
        key = (vertex, fragment, macros)
        if key not in self._built:
            head = HEADERS[self._context.profile] + "".join(f"#define {name} {value}\n" for name, value in macros)
            try:
                self._built[key] = self._context.gl.program(
                    vertex_shader=head + self._source(vertex), fragment_shader=head + self._source(fragment)
                )
            except Exception as exc:  # moderngl raises its bare Error for every refusal
                raise GraphicsError(
                    f"the driver refused {vertex} + {fragment}: {' '.join(str(exc).split())}",
                    code="gl.shader",
                    where=self._context.driver,
                ) from exc
        return self._built[key]

    def _source(self, name: str) -> str:
        if name not in self._sources:
            self._sources[name] = source(name)
        return self._sources[name]

    @property
    def count(self) -> int:
        """How many variants have been built."""
        return len(self._built)

    def release(self) -> None:
        """Free every program."""
        for program in self._built.values():
            program.release()
        self._built.clear()
