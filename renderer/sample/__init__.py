"""The avatar that comes with the program: a friendly person, made by the generator beside this file.

``python -m renderer.sample`` makes ``sample.glb`` anew; everything else only reads it.
"""

from __future__ import annotations

from pathlib import Path

SAMPLE = Path(__file__).with_name("sample.glb")


def sample_avatar() -> bytes:
    """The sample avatar as a GLB file."""
    return SAMPLE.read_bytes()


__all__ = ["SAMPLE", "sample_avatar"]
