"""What is begun early is what would have been had later."""

from __future__ import annotations

import numpy as np
import pytest

from renderer.assets import load
from renderer.errors import GraphicsError
from renderer.gl.context import GraphicsContext
from renderer.gl.pictures import Decoding, decode
from renderer.output.ahead import Ahead
from renderer.output.offscreen import Offscreen
from renderer.output.show import show
from renderer.sample import sample_avatar

pytestmark = pytest.mark.gl


def test_the_picture_is_the_same_to_the_byte() -> None:
    asset = load(sample_avatar())
    shot = show(asset, aspect=1.0).shot(0.5)
    pictures = []
    for ahead in (None, Ahead()):
        if ahead is not None:
            ahead.decode(asset.avatar)
        with Offscreen(asset.avatar, size=(96, 96), ahead=ahead) as offscreen:
            pictures.append(offscreen.frame(shot.pose, view=shot.view, lighting=shot.lighting))
    assert pictures[0][..., 3].any()
    assert np.array_equal(*pictures)


def test_a_driver_that_is_missing_is_told_when_the_context_is_wanted() -> None:
    def none() -> GraphicsContext:
        raise GraphicsError("no driver", code="gl.none", where="EGL")

    ahead = Ahead(none)
    with pytest.raises(GraphicsError, match="no driver"):
        ahead.context()


def test_mipmaps_come_only_where_they_are_wanted() -> None:
    images = load(sample_avatar()).avatar.images
    begun = Decoding(images, [0, 1], largest=64, threads=2)
    alone = decode(images[0], largest=64, mipmapped=True)
    assert alone is not None
    assert begun.take(0, mipmapped=True) == alone
    assert begun.take(1, mipmapped=False) == decode(images[1], largest=64)
    assert 0 not in begun
