"""Cartoon materials (MToon), where the right answer is known: colours, the border, the outline, moving textures."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.gl.materials import surface
from renderer.output.offscreen import Offscreen
from renderer.scene import AlphaMode, DirectionalLight, Environment, Lighting, Material, TextureRef
from renderer.scene.material import Toon

pytestmark = pytest.mark.gl

FROM_THE_EYE = Lighting(key=DirectionalLight(direction=(0.0, 0.0, 1.0), intensity=np.pi), environment=None)
FROM_THE_RIGHT = Lighting(key=DirectionalLight(direction=(1.0, 0.0, 0.0), intensity=np.pi), environment=None)
DARK = Lighting(key=None, environment=None)
BASE, SHADE = (0.8, 0.4, 0.1), (0.1, 0.05, 0.3)


def painted(toon: Toon, **more: object) -> Material:
    return Material(base_color_factor=(*BASE, 1.0), toon=toon, **more)  # type: ignore[arg-type]


def drawn(
    context: GraphicsContext, shapes: ModuleType, *materials: Material, lighting=FROM_THE_EYE, time=0.0, **more
) -> np.ndarray:
    parts = more.pop("parts", (shapes.sphere(0.8),))
    avatar = shapes.avatar(*parts, materials=materials, **more)
    with Offscreen(avatar, size=(64, 64), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=shapes.FRONT, lighting=lighting, time=time)


def coded(linear: tuple[float, ...]) -> list[int]:
    return [round(255 * (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055)) for c in linear]


@pytest.mark.parametrize("intensity", [np.pi, 30.0])
def test_what_is_fully_lit_has_its_own_colour(context: GraphicsContext, shapes: ModuleType, intensity: float) -> None:
    strong = Lighting(key=DirectionalLight(direction=(0.0, 0.0, 1.0), intensity=intensity), environment=None)
    picture = drawn(context, shapes, painted(Toon(shade_color=SHADE)), lighting=strong)
    assert picture[32, 32, :3].tolist() == pytest.approx(coded(BASE), abs=1)


def test_light_and_shade_meet_where_the_shift_says(context: GraphicsContext, shapes: ModuleType) -> None:
    for shift in (-0.5, 0.0, 0.5):
        toon = Toon(shade_color=SHADE, shading_toony=0.99, shading_shift=shift)
        row = drawn(context, shapes, painted(toon), lighting=FROM_THE_RIGHT)[32]
        border = 0.8 * -shift  # on the ball the cosine is x / radius
        x = (np.arange(64) + 0.5) / 32 - 1.0
        lit, dark = (abs(x) < 0.75) & (x > border + 0.06), (abs(x) < 0.75) & (x < border - 0.06)
        assert (np.abs(row[lit, :3].astype(int) - coded(BASE)) <= 1).all()
        assert (np.abs(row[dark, :3].astype(int) - coded(SHADE)) <= 1).all()


def test_toon_wins_over_the_unlit_that_files_give_for_others(shapes: ModuleType) -> None:
    assert not surface(shapes.quad(), painted(Toon(), unlit=True)).unlit
    assert surface(shapes.quad(), Material(unlit=True)).unlit


@pytest.mark.parametrize(("equalization", "even"), [(1.0, True), (0.0, False)])
def test_light_from_around_is_evened_out(
    context: GraphicsContext, shapes: ModuleType, equalization: float, even: bool
) -> None:
    sky = Environment(sky=(0.9,) * 3, horizon=(0.5,) * 3, ground=(0.1,) * 3)
    toon = Toon(gi_equalization=equalization)
    picture = drawn(context, shapes, painted(toon), lighting=Lighting(key=None, environment=sky))
    column = picture[picture[:, 32, 3] == 255, 32, 0].astype(int)
    assert (np.ptp(column) <= 1) == even


def test_a_factor_without_its_picture_of_a_ball_adds_nothing(context: GraphicsContext, shapes: ModuleType) -> None:
    picture = drawn(context, shapes, painted(Toon(matcap_factor=(1.0, 1.0, 1.0))), lighting=DARK)
    assert picture[..., :3].max() == 0


def test_the_ball_in_the_picture_is_the_ball_seen(context: GraphicsContext, shapes: ModuleType) -> None:
    quarters = np.zeros((64, 64, 3), np.uint8)
    quarters[:32, :32], quarters[:32, 32:], quarters[32:, :32] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    toon = Toon(matcap_factor=(1.0, 1.0, 1.0), matcap_texture=TextureRef(texture=0), rim_mix=0.0)
    picture = drawn(context, shapes, painted(toon), lighting=DARK, images=(shapes.picture(quarters),))
    assert picture[20, 20, :3].tolist() == [255, 0, 0]
    assert picture[20, 44, :3].tolist() == [0, 255, 0]
    assert picture[44, 20, :3].tolist() == [0, 0, 255]


def test_the_rim_is_at_the_rim(context: GraphicsContext, shapes: ModuleType) -> None:
    toon = Toon(rim_color=(0.0, 1.0, 0.0), rim_power=2.0, rim_mix=0.0)
    row = drawn(context, shapes, painted(toon), lighting=DARK)[32, :, 1].astype(int)
    assert row[32] < 5
    assert row[8] > 150
    assert (np.diff(row[32:56]) >= 0).all()


@pytest.mark.parametrize(("mode", "width", "pixels"), [("screen", 0.0625, 4), ("world", 0.125, 4)])
def test_an_outline_is_as_wide_as_it_says(
    context: GraphicsContext, shapes: ModuleType, mode: str, width: float, pixels: int
) -> None:
    toon = Toon(outline=mode, outline_width=width, outline_color=(0.0, 0.0, 1.0), outline_lighting_mix=0.0)  # type: ignore[arg-type]
    row = drawn(context, shapes, painted(toon))[32]
    blue = (row[:, 2] > 200) & (row[:, 0] < 60) & (row[:, 3] > 127)
    assert blue[:32].sum() == pytest.approx(pixels, abs=1)
    assert blue[32:].sum() == pytest.approx(pixels, abs=1)
    assert not blue[12:52].any()


def test_an_outlines_texture_takes_it_away(context: GraphicsContext, shapes: ModuleType) -> None:
    toon = Toon(
        outline="screen",
        outline_width=0.06,
        outline_color=(0.0, 0.0, 1.0),
        outline_lighting_mix=0.0,
        outline_width_texture=TextureRef(texture=0),
    )
    black = shapes.picture(np.zeros((4, 4, 3)))
    with_texture = drawn(context, shapes, painted(toon), images=(black,))
    without = drawn(context, shapes, painted(Toon()))
    assert np.abs(with_texture.astype(int) - without).max() <= 1


def stripes(shapes: ModuleType):
    colors = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]])
    return shapes.picture(np.repeat(np.repeat(colors, 64, axis=0), 16, axis=1))


def moving(shapes: ModuleType, *, mask: int | None, blue: int = 255, **speeds: float):
    toon = Toon(animation_mask=None if mask is None else TextureRef(texture=mask), **speeds)  # type: ignore[arg-type]
    images = (stripes(shapes), shapes.picture(np.full((4, 4, 3), (0, 0, blue))))
    return Material(base_color_texture=TextureRef(texture=0), toon=toon), images


def test_textures_move_with_time(context: GraphicsContext, shapes: ModuleType) -> None:
    material, images = moving(shapes, mask=None, scroll_x=0.5)
    square = {"parts": (shapes.quad(),), "images": images}
    start = drawn(context, shapes, material, time=0.0, **square)
    later = drawn(context, shapes, material, time=0.5, **square)
    assert start[32, 8, :3].tolist() == [255, 0, 0]
    assert later[32, 8, :3].tolist() == [0, 255, 0]
    assert np.array_equal(drawn(context, shapes, material, time=2.0, **square), start)


@pytest.mark.parametrize(("blue", "moves"), [(0, False), (255, True)])
def test_a_mask_says_where_they_move(context: GraphicsContext, shapes: ModuleType, blue: int, moves: bool) -> None:
    material, images = moving(shapes, mask=1, blue=blue, scroll_x=0.5)
    square = {"parts": (shapes.quad(),), "images": images}
    later = drawn(context, shapes, material, time=0.5, **square)
    assert later[32, 8, :3].tolist() == ([0, 255, 0] if moves else [255, 0, 0])


def test_a_quarter_turn_a_second(context: GraphicsContext, shapes: ModuleType) -> None:
    material, images = moving(shapes, mask=None, rotation=np.pi / 2)
    square = {"parts": (shapes.quad(),), "images": images}
    column = drawn(context, shapes, material, time=1.0, **square)[:, 32, :3]
    # Coordinates turn counter-clockwise, so the picture turns clockwise: its left side comes up.
    assert column[8].tolist() == [255, 0, 0]
    assert column[56].tolist() == [255, 255, 255]


def sheet(color: tuple[float, float, float], toon: Toon) -> Material:
    return Material(base_color_factor=(*color, 0.5), alpha_mode=AlphaMode.BLEND, toon=toon)


def test_blended_surfaces_come_in_the_order_of_their_queue(context: GraphicsContext, shapes: ModuleType) -> None:
    lit = {"shade_color": (1.0, 1.0, 1.0), "gi_equalization": 1.0, "z_write": False}
    parts = (shapes.quad(z=0.5, material=0), shapes.quad(z=-0.5, material=1))

    def over(front: int, back: int) -> list[int]:
        red = sheet((1.0, 0.0, 0.0), Toon(render_queue_offset=front, **lit))
        blue = sheet((0.0, 0.0, 1.0), Toon(render_queue_offset=back, **lit))
        return drawn(context, shapes, red, blue, parts=parts)[32, 32, :3].tolist()

    assert over(0, 0)[0] > over(0, 0)[2]  # the nearer one is drawn last
    assert over(-1, 0)[2] > over(-1, 0)[0]  # unless it is told to be first


def test_a_blended_surface_that_writes_depth_hides_what_comes_later(
    context: GraphicsContext, shapes: ModuleType
) -> None:
    parts = (shapes.quad(z=0.5, material=0), shapes.quad(z=-0.5, material=1))
    red = sheet((1.0, 0.0, 0.0), Toon(z_write=True))
    blue = sheet((0.0, 0.0, 1.0), Toon(z_write=False))
    picture = drawn(context, shapes, red, blue, parts=parts)
    assert picture[32, 32, :3].tolist() == pytest.approx([255, 0, 0], abs=2)  # divided by alpha
