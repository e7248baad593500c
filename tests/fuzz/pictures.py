"""Pictures of a package: headers, Radiance panoramas, colour tables, and what a library decodes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np

from renderer.assets.color_table import color_table_size, read_color_table
from renderer.assets.picture import probe
from renderer.assets.radiance import environment_of, gradient_hdr, gradient_of, read_hdr
from renderer.scene import Environment
from tests.fuzz.target import Target

RUNS = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 8\n" + 2 * (
    bytes((2, 2, 0, 8, 136, 255, 4, 0, 51, 102, 153, 132, 204, 136, 0, 136, 128))
)


def read_panorama(data: bytes) -> None:
    """At most 2**16 pixels: what is as large as a size in a header may claim says nothing new, and takes its time."""
    head = data[:4096].split(b"\n\n", 1)[-1].split(b"\n", 1)[0]
    numbers = [int(part) for part in head.split() if part.isdigit()]
    if len(numbers) == 2 and numbers[0] * numbers[1] > 1 << 16:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = read_hdr(data)
        assert pixels.shape[2] == 3
        assert np.isfinite(pixels).all()
        environment_of(pixels)
        gradient_of(pixels)


def read_table(data: bytes) -> None:
    """As a package's table is: measured by its header, and decoded only when that fits."""
    if color_table_size(data):
        table = read_color_table(data)
        assert table is None or table.dtype == np.uint8


def read_picture(data: bytes) -> None:
    info = probe(data)
    assert info is None or (info.width >= 0 and info.height >= 0)
    if info is not None and info.width * info.height <= 1 << 16:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own, about what it passes over
            read_color_table(data)


def encoded(size: tuple[int, int]) -> Sequence[bytes]:
    from PIL import Image

    found = []
    for kind, mode, more in (
        ("PNG", "RGB", {}), ("PNG", "P", {}), ("PNG", "I;16", {}), ("PNG", "RGBA", {}), ("JPEG", "RGB", {}),
        ("JPEG", "CMYK", {"progressive": True}), ("WEBP", "RGB", {}), ("WEBP", "RGBA", {"lossless": True}),
    ):  # fmt: skip
        out = io.BytesIO()
        Image.new(mode, size).save(out, kind, **more)
        found.append(out.getvalue())
    return found


def panoramas() -> Sequence[bytes]:
    flat = gradient_hdr(Environment(sky=(0.9, 1.0, 1.2), horizon=(0.5, 0.4, 0.3), ground=(0.1, 0.2, 0.05)), size=(8, 4))
    return [flat, RUNS]


TARGETS = {
    "panorama": Target(run=read_panorama, seeds=panoramas, longest=2048),
    "color-table": Target(run=read_table, seeds=lambda: encoded((256, 16)), longest=8192),
    "picture": Target(run=read_picture, seeds=lambda: encoded((9, 7))),
}
