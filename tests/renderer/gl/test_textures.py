"""Pictures of materials: decoding, and what happens to those that cannot be."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from renderer.gl.pictures import decode, decode_all
from renderer.scene import Image


def encoded(picture: PillowImage.Image, form: str = "PNG", **options: object) -> Image:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return Image(name="", mime_type="", data=file.getvalue())


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("RGB", (1, 2, 3), (1, 2, 3, 255)),
        ("RGBA", (1, 2, 3, 4), (1, 2, 3, 4)),
        ("L", 7, (7, 7, 7, 255)),
        ("LA", (7, 9), (7, 7, 7, 9)),
        ("1", 1, (255, 255, 255, 255)),
        ("I;16", 257 * 9, (9, 9, 9, 255)),
    ],
)
def test_every_kind_of_pixel(mode: str, color: object, expected: tuple[int, ...]) -> None:
    pixels = decode(encoded(PillowImage.new(mode, (3, 2), color)), largest=64)
    assert pixels is not None
    assert pixels.size == (3, 2)
    assert np.frombuffer(pixels.levels[0].data, np.uint8).reshape(-1, 4).tolist() == [list(expected)] * 6


def test_palette_with_transparency() -> None:
    picture = PillowImage.new("RGBA", (2, 1), (250, 10, 10, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    pixels = decode(encoded(picture.quantize(4)), largest=64)
    assert pixels is not None
    assert [pixels.levels[0].data[3], pixels.levels[0].data[7]] == [255, 0]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_large_pictures_are_shrunk_in_proportion(form: str) -> None:
    pixels = decode(encoded(PillowImage.new("RGB", (400, 100), (90, 120, 30)), form), largest=64)
    assert pixels is not None
    assert pixels.size == (64, 16)
    assert (
        np.abs(np.frombuffer(pixels.levels[0].data, np.uint8).reshape(-1, 4)[:, :3].astype(int) - (90, 120, 30)).max()
        <= 6
    )


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", b"no picture", encoded(PillowImage.new("L", (9, 9))).data[:40]]
)
def test_what_is_no_picture_is_none(data: bytes) -> None:
    assert decode(Image(name="", mime_type="image/png", data=data), largest=64) is None


def test_decoding_in_threads_keeps_the_order() -> None:
    images = tuple(encoded(PillowImage.new("L", (1 + i, 1), i)) for i in range(20))
    found = decode_all(images, range(3, 20), largest=64, threads=4)
    assert {index: pixels.size[0] for index, pixels in found.items()} == {i: 1 + i for i in range(3, 20)}


def test_mipmaps_halve_down_to_one_texel_and_average() -> None:
    pixels = np.zeros((8, 12, 4), np.uint8)
    pixels[:, ::2] = (200, 100, 0, 0)
    pixels[:, 1::2] = (100, 100, 0, 255)
    found = decode(encoded(PillowImage.fromarray(pixels)), largest=64, mipmapped=True)
    assert found is not None
    assert [level.size for level in found.levels] == [(12, 8), (6, 4), (3, 2), (1, 1)]
    for level in found.levels[1:]:
        values = np.frombuffer(level.data, np.uint8).reshape(-1, 4)
        assert len(values) == level.size[0] * level.size[1]
        assert np.abs(values.astype(int) - (150, 100, 0, 128)).max() <= 1, "colours without alpha count too"
