"""Radiance pictures: both ways of storing pixels, and the environment found in them."""

from __future__ import annotations

import numpy as np
import pytest

from renderer.assets.radiance import environment_of, gradient_hdr, gradient_of, read_hdr, write_hdr
from renderer.errors import AssetError
from renderer.scene import Environment

HEAD = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n"


def test_written_pixels_read_back_within_a_step_of_the_brightest_channel() -> None:
    pixels = np.random.default_rng(2).uniform(0, 30, (5, 9, 3)).astype(np.float32)
    pixels[0, 0] = 0
    read = read_hdr(write_hdr(pixels))
    assert (np.abs(read - pixels).max(axis=-1) <= pixels.max(axis=-1) / 128 + 1e-9).all()


def test_a_pixel_by_hand() -> None:
    (pixel,) = read_hdr(HEAD + b"-Y 1 +X 1\n" + bytes((255, 51, 0, 129)))[0]
    np.testing.assert_allclose(pixel, (2.0, 0.4, 0.0), rtol=1e-6)


def test_run_length_coded_rows() -> None:
    row = bytes((2, 2, 0, 8)) + bytes((136, 255)) + bytes((4, 0, 51, 102, 153, 132, 204)) + bytes((136, 0)) * 1
    row += bytes((136, 128))
    pixels = read_hdr(HEAD + b"-Y 2 +X 8\n" + row * 2)
    np.testing.assert_allclose(pixels[..., 0], 1.0)
    np.testing.assert_allclose(pixels[1, :, 1], np.array([0, 51, 102, 153, 204, 204, 204, 204]) / 255, rtol=1e-6)
    np.testing.assert_allclose(pixels[..., 2], 0.0)


def test_an_environment_survives_its_picture() -> None:
    before = Environment(sky=(0.9, 1.0, 1.2), horizon=(0.5, 0.4, 0.3), ground=(0.1, 0.2, 0.05))
    after = environment_of(read_hdr(gradient_hdr(before)), intensity=1.5)
    for name in ("sky", "horizon", "ground"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=0.012)
    assert after.intensity == 1.5


def test_a_white_room_is_white_everywhere() -> None:
    environment = environment_of(np.ones((16, 32, 3), np.float32))
    for colour in (environment.sky, environment.horizon, environment.ground):
        np.testing.assert_allclose(colour, 1.0, atol=1e-9)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "hdr.header"),
        (b"P6 not this one\n\n", "hdr.header"),
        (HEAD + b"+Y 4 +X 4\n" + bytes(64), "hdr.header"),
        (HEAD + b"-Y 0 +X 4\n", "hdr.size"),
        (HEAD + b"-Y 99999 +X 99999\n", "hdr.size"),
        (HEAD + b"-Y 4 +X 4\n" + bytes(63), "hdr.pixels"),
        (HEAD + b"-Y 1 +X 8\n" + bytes((2, 2, 0, 9, 136, 1)), "hdr.pixels"),
        (HEAD + b"-Y 1 +X 8\n" + bytes((2, 2, 0, 8, 137, 1)), "hdr.pixels"),
        (HEAD + b"-Y 1 +X 8\n" + bytes((2, 2, 0, 8, 0, 0)), "hdr.pixels"),
        (HEAD + b"-Y 1 +X 8\n" + bytes((2, 2, 0, 8, 8, 1, 2)), "hdr.pixels"),
    ],
)
def test_damaged_pictures_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(AssetError) as caught:
        read_hdr(data, where="background.hdr")
    assert caught.value.code == code
    assert caught.value.where == "background.hdr"


def test_a_gradient_is_known_as_one_and_a_lamp_in_it_is_not() -> None:
    given = Environment(sky=(0.9, 1.1, 1.4), horizon=(0.5, 0.4, 0.3), ground=(0.1, 0.2, 0.05))
    pixels = read_hdr(gradient_hdr(given)).copy()
    found = gradient_of(pixels, intensity=2.0)
    assert found is not None
    assert found.intensity == 2.0
    np.testing.assert_allclose(found.sky, given.sky, atol=0.02)
    pixels[5, 7] += 0.1
    assert gradient_of(pixels) is None
