"""What is drawn, where the right answer is known to the value."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.output.offscreen import Offscreen
from renderer.scene import (
    AlphaMode,
    Background,
    DirectionalLight,
    Environment,
    Lighting,
    Look,
    Material,
    MorphTarget,
    Panorama,
    Perspective,
    Sampler,
    TextureRef,
    View,
)
from renderer.scene.material import Wrap

pytestmark = pytest.mark.gl

DARK = Lighting(key=None, environment=None)
PLAIN = Look(tone="none")


def only_key(intensity: float) -> Lighting:
    return Lighting(key=DirectionalLight(direction=(0.0, 0.0, 1.0), intensity=intensity), environment=None)


def furnace(kind: str) -> Lighting:
    white = (1.0, 1.0, 1.0)
    around: Environment | Panorama = Environment(sky=white, horizon=white, ground=white)
    if kind == "panorama":
        around = Panorama(pixels=np.full((32, 64, 3), 2.0, np.float32), intensity=0.5)
    return Lighting(key=None, environment=around)


def draw(context: GraphicsContext, avatar, pose, *, view, size=(16, 16), samples=4, **how) -> np.ndarray:
    with Offscreen(avatar, size=size, samples=samples, context=context) as offscreen:
        return offscreen.frame(pose, view=view, **how)


def middle(picture: np.ndarray) -> list[int]:
    return picture[picture.shape[0] // 2, picture.shape[1] // 2].tolist()


@pytest.mark.parametrize("kind", ["gradient", "panorama"])
@pytest.mark.parametrize("metallic", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("roughness", [0.05, 0.3, 0.7, 1.0])
def test_white_furnace_returns_white(
    context: GraphicsContext, shapes: ModuleType, roughness: float, metallic: float, kind: str
) -> None:
    material = Material(metallic_factor=metallic, roughness_factor=roughness)
    avatar = shapes.avatar(shapes.sphere(), materials=(material,))
    drawn = draw(
        context, avatar, shapes.rest(avatar), view=shapes.FRONT, size=(64, 64), lighting=furnace(kind), look=PLAIN
    )
    inside = drawn[drawn[..., 3] == 255]
    assert len(inside) > 2000
    assert inside.min() >= 254


@pytest.mark.parametrize(
    ("emissive", "expected"),
    [
        ((1.0, 1.0, 1.0), (226, 226, 226)),
        ((1.0, 0.5, 0.25), (230, 199, 163)),
        ((0.18, 0.18, 0.18), (127, 127, 127)),
        ((0.05, 0.6, 3.0), (160, 208, 248)),
    ],
)
def test_aces_and_srgb_give_the_values_of_the_format_sheet(
    context: GraphicsContext, shapes: ModuleType, emissive: tuple[float, ...], expected: tuple[int, ...]
) -> None:
    material = Material(base_color_factor=(0, 0, 0, 1), emissive_factor=emissive)
    avatar = shapes.avatar(shapes.quad(), materials=(material,))
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT, lighting=DARK)
    assert middle(drawn)[:3] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("intensity", "expected"), [(1.0, 169), (np.pi, 227)])
def test_white_rough_surface_under_the_key_light(
    context: GraphicsContext, shapes: ModuleType, intensity: float, expected: int
) -> None:
    material = Material(metallic_factor=0.0, roughness_factor=1.0)
    avatar = shapes.avatar(shapes.quad(), materials=(material,))
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT, lighting=only_key(intensity))
    assert middle(drawn)[:3] == pytest.approx([expected] * 3, abs=1)


def test_unlit_texture_comes_out_as_its_own_bytes(context: GraphicsContext, shapes: ModuleType) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pixels = np.stack((values, values[::-1], values.T), axis=-1)
    material = Material(unlit=True, base_color_texture=TextureRef(texture=0))
    nearest = Sampler(mag_filter=0x2600, min_filter=0x2600)
    avatar = shapes.avatar(shapes.quad(), materials=(material,), images=(shapes.picture(pixels),), sampler=nearest)
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT)
    assert np.array_equal(drawn[..., :3], pixels)


def test_first_row_is_the_top_one_and_first_column_the_left_one(context: GraphicsContext, shapes: ModuleType) -> None:
    material = Material(unlit=True, base_color_factor=(1, 0, 0, 1))
    avatar = shapes.avatar((shapes.quad(0.5), (-0.5, 0.5, 0.0)), materials=(material,))
    alpha = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT)[..., 3]
    assert alpha[:8, :8].min() == 255
    assert alpha[8:].max() == 0
    assert alpha[:, 8:].max() == 0


def test_skin_in_rest_pose_is_the_identity(context: GraphicsContext, shapes: ModuleType) -> None:
    rigid = shapes.avatar(shapes.sphere())
    ball = shapes.sphere()
    count = len(ball.positions)
    rng = np.random.default_rng(7)
    weights = rng.random((count, 4)).astype(np.float32)
    # Sixteenths add up to one exactly, and identities times them give the positions back to the bit.
    weights = np.round(weights / weights.sum(axis=1, keepdims=True) * 16)
    weights[:, 0] += 16 - weights.sum(axis=1)
    skinned = shapes.avatar(
        shapes.skinned(ball, rng.integers(0, 300, (count, 4)), weights / 16),
        skins=(shapes.skin(1, 300),),
        joints=300,
    )
    pictures = [
        draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT, size=(64, 64)) for avatar in (rigid, skinned)
    ]
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("sets", [1, 2, 3])
def test_every_joint_moves_its_vertices(context: GraphicsContext, shapes: ModuleType, sets: int) -> None:
    """400 joints (two lines of the joint texture); the one that carries the quad shifts it by half a picture."""
    joints = np.full((4, 4 * sets), 399)
    weights = np.full((4, 4 * sets), 1.0 / (4 * sets))
    avatar = shapes.avatar(
        shapes.skinned(shapes.quad(0.5), joints, weights),
        materials=(Material(unlit=True),),
        skins=(shapes.skin(1, 400),),
        joints=400,
    )
    pose = shapes.rest(avatar)
    pose.matrices[400, 0, 3] = 0.5
    alpha = draw(context, avatar, pose, view=shapes.FRONT)[..., 3]
    assert alpha[4:12, 8:].min() == 255
    assert alpha[:, :8].max() == 0


def morphing(shapes: ModuleType):
    deltas = MorphTarget(positions=np.tile(np.array([0.5, 0, 0], np.float32), (4, 1)))
    still = MorphTarget(positions=np.zeros((4, 3), np.float32))
    return shapes.avatar(shapes.quad(0.5, targets=(still, deltas, deltas)), materials=(Material(unlit=True),))


def test_morph_weight_zero_is_the_unmorphed_picture_also_after_a_morph(
    context: GraphicsContext, shapes: ModuleType
) -> None:
    plain = shapes.avatar(shapes.quad(0.5), materials=(Material(unlit=True),))
    expected = draw(context, plain, shapes.rest(plain), view=shapes.FRONT)
    avatar = morphing(shapes)
    with Offscreen(avatar, size=(16, 16), context=context) as offscreen:
        pictures = [
            offscreen.frame(shapes.rest(avatar, node0=weights), view=shapes.FRONT)
            for weights in ([0, 0, 0], [0.7, 0.3, 0.1], [0, 0, 0])
        ]
    assert np.array_equal(pictures[0], expected)
    assert not np.array_equal(pictures[1], expected)
    assert np.array_equal(pictures[2], expected)


def test_morph_targets_add_up(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = morphing(shapes)
    alpha = draw(context, avatar, shapes.rest(avatar, node0=[1, 0.25, 0.75]), view=shapes.FRONT)[..., 3]
    assert alpha[4:12, 8:].min() == 255
    assert alpha[:, :8].max() == 0


def test_mask_cuts_at_its_cutoff(context: GraphicsContext, shapes: ModuleType) -> None:
    alphas = np.array([[0, 127, 128, 255]], np.uint8).repeat(4, axis=0)
    pixels = np.dstack((np.full((4, 4, 3), 255, np.uint8), alphas))
    material = Material(
        unlit=True, base_color_texture=TextureRef(texture=0), alpha_mode=AlphaMode.MASK, alpha_cutoff=0.5
    )
    avatar = shapes.avatar(
        shapes.quad(),
        materials=(material,),
        images=(shapes.picture(pixels),),
        sampler=Sampler(mag_filter=0x2600, min_filter=0x2600),
    )
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT)
    assert drawn[8, ::4, 3].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("near_first", [True, False])
def test_blended_surfaces_are_drawn_back_to_front(
    context: GraphicsContext, shapes: ModuleType, near_first: bool
) -> None:
    red, green = (
        Material(unlit=True, alpha_mode=AlphaMode.BLEND, base_color_factor=(*color, 0.5))
        for color in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    )
    near, far = (shapes.quad(material=0), (0, 0, 1.0)), (shapes.quad(material=1), (0, 0, -1.0))
    avatar = shapes.avatar(*((near, far) if near_first else (far, near)), materials=(red, green))
    black = Background(top_srgb=(0, 0, 0), bottom_srgb=(0, 0, 0))
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT, background=black)
    assert middle(drawn) == pytest.approx([128, 64, 0, 255], abs=1)


def test_transparent_picture_has_straight_alpha_and_no_dark_fringe(
    context: GraphicsContext, shapes: ModuleType
) -> None:
    """A white ball's edge pixels are partly covered: their colour is white, only their alpha is partial."""
    avatar = shapes.avatar(shapes.sphere(0.9), materials=(Material(unlit=True),))
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT, size=(64, 64))
    partial = (drawn[..., 3] > 0) & (drawn[..., 3] < 255)
    assert partial.sum() > 50
    assert drawn[partial][:, :3].min() >= 254
    assert drawn[drawn[..., 3] == 0].max() == 0


def test_glass_over_nothing_keeps_its_own_colour(context: GraphicsContext, shapes: ModuleType) -> None:
    material = Material(unlit=True, alpha_mode=AlphaMode.BLEND, base_color_factor=(1, 1, 0, 0.25))
    avatar = shapes.avatar(shapes.quad(), materials=(material,))
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT)
    assert middle(drawn) == pytest.approx([255, 255, 0, 64], abs=2)


@pytest.mark.parametrize(
    ("double_sided", "scale", "seen"),
    [
        (False, (1, 1, 1), True),
        (False, (-1, 1, 1), True),
        (False, (1, 1, -1), False),
        (True, (1, 1, -1), True),
    ],
)
def test_sides_and_mirroring(
    context: GraphicsContext, shapes: ModuleType, double_sided: bool, scale: tuple[float, ...], seen: bool
) -> None:
    """Mirroring along x keeps the front in front; mirroring along z turns the quad's back to the viewer."""
    avatar = shapes.avatar(shapes.quad(), materials=(Material(unlit=True, double_sided=double_sided),), scale=scale)
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT)
    assert (middle(drawn)[3] == 255) is seen


def test_back_of_a_two_sided_surface_is_lit_like_its_front(context: GraphicsContext, shapes: ModuleType) -> None:
    pictures = []
    for facing in (1.0, -1.0):
        material = Material(double_sided=True, metallic_factor=0.0)
        avatar = shapes.avatar(shapes.quad(), materials=(material,))
        view = View(eye=(0, 0, 5 * facing), target=(0, 0, 0), projection=shapes.FRONT.projection)
        light = Lighting(key=DirectionalLight(direction=(0, 0, facing)), environment=None)
        pictures.append(middle(draw(context, avatar, shapes.rest(avatar), view=view, lighting=light)))
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("wrap", "expected"),
    [
        (Wrap.REPEAT, [10, 200, 10, 200]),
        (Wrap.MIRRORED_REPEAT, [10, 200, 200, 10]),
        (Wrap.CLAMP_TO_EDGE, [10, 200, 200, 200]),
    ],
)
def test_wrapping(context: GraphicsContext, shapes: ModuleType, wrap: Wrap, expected: list[int]) -> None:
    pixels = np.array([[[10, 10, 10], [200, 200, 200]]], np.uint8)
    uvs = np.array([[0, 0], [0, 1], [2, 1], [2, 0]], np.float32)
    avatar = shapes.avatar(
        shapes.quad(uvs=(uvs,)),
        materials=(Material(unlit=True, base_color_texture=TextureRef(texture=0)),),
        images=(shapes.picture(pixels),),
        sampler=Sampler(mag_filter=0x2600, min_filter=0x2600, wrap_s=wrap, wrap_t=wrap),
    )
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT)
    assert drawn[8, 2::4, 0].tolist() == expected


def test_second_coordinates_and_transform(context: GraphicsContext, shapes: ModuleType) -> None:
    """The second set holds zeros; offset (0.75, 0.25) with a transform puts every pixel on one texel."""
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 1] = (9, 90, 200)
    reference = TextureRef(texture=0, uv_set=1, offset=(0.75, 0.25), scale=(0.0, 0.0))
    quad = shapes.quad()
    quad.uvs = (quad.uvs[0], quad.uvs[0] * 0)
    avatar = shapes.avatar(
        quad,
        materials=(Material(unlit=True, base_color_texture=reference),),
        images=(shapes.picture(pixels),),
        sampler=Sampler(mag_filter=0x2600, min_filter=0x2600),
    )
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT)
    assert np.unique(drawn[..., :3].reshape(-1, 3), axis=0).tolist() == [[9, 90, 200]]


def test_vertex_colour_is_linear_and_multiplies(context: GraphicsContext, shapes: ModuleType) -> None:
    colors = np.tile(np.array([0.5, 1.0, 0.25, 1.0], np.float32), (4, 1))
    material = Material(unlit=True, base_color_factor=(0.5, 0.5, 1.0, 1.0))
    avatar = shapes.avatar(shapes.quad(colors=colors), materials=(material,))
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT)
    assert middle(drawn)[:3] == pytest.approx([137, 188, 137], abs=1)


@pytest.mark.parametrize("mirrored", [1.0, -1.0])
@pytest.mark.parametrize("with_tangents", [True, False])
@pytest.mark.parametrize("channel", [0, 1])
def test_normal_map_leans_along_the_picture(
    context: GraphicsContext, shapes: ModuleType, mirrored: float, with_tangents: bool, channel: int
) -> None:
    """A map that leans to +x or +y (up) lets the surface face a light from there, however its frame is found."""
    leaning = np.array([128, 128, 128], np.int32)
    leaning[channel] += 90
    leaning[2] += 90
    quad = shapes.quad()
    if mirrored < 0:
        quad.uvs = (np.array([[1, 0], [1, 1], [0, 1], [0, 0]], np.float32),)
    if with_tangents:
        quad.tangents = np.tile(np.array([mirrored, 0, 0, mirrored], np.float32), (4, 1))
    material = Material(metallic_factor=0.0, normal_texture=TextureRef(texture=0))
    avatar = shapes.avatar(
        quad, materials=(material,), images=(shapes.picture(np.tile(leaning.astype(np.uint8), (2, 2, 1))),)
    )
    lights = {}
    for sign in (1.0, -1.0):
        direction = [0.0, 0.0, np.sqrt(0.5)]
        direction[channel] = sign * (mirrored if channel == 0 else 1.0) * np.sqrt(0.5)
        light = Lighting(key=DirectionalLight(direction=tuple(direction)), environment=None)
        lights[sign] = middle(draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT, lighting=light))[0]
    assert lights[1.0] == pytest.approx(169, abs=3)
    assert lights[-1.0] < 60


def test_same_input_gives_the_same_bytes(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = shapes.avatar(shapes.sphere())
    view = View(eye=(0.4, 0.8, 3.0), target=(0, 0, 0), projection=Perspective(yfov=0.8))
    pictures = [draw(context, avatar, shapes.rest(avatar), view=view, size=(96, 64)) for _ in range(2)]
    assert np.array_equal(*pictures)


def test_gradient_runs_from_top_to_bottom(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = shapes.avatar(shapes.quad(0.1))
    background = Background(top_srgb=(1, 0, 0), bottom_srgb=(0, 0, 1))
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT, background=background)
    assert drawn[0, 0].tolist() == pytest.approx([247, 0, 8, 255], abs=1)
    assert drawn[-1, 0].tolist() == pytest.approx([8, 0, 247, 255], abs=1)


def test_background_picture_covers_the_frame_centred(context: GraphicsContext, shapes: ModuleType) -> None:
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 8:16] = (1, 2, 3)
    pixels[:4, 8:16, 1] = 200
    avatar = shapes.avatar(shapes.quad(0.01))
    background = Background(image=shapes.picture(pixels).data)
    drawn = draw(context, avatar, shapes.rest(avatar), view=shapes.FRONT, background=background)
    assert drawn[2, 2].tolist() == [1, 200, 3, 255]
    assert drawn[13, 13].tolist() == [1, 2, 3, 255]


@pytest.mark.parametrize("samples", [0, 4])
def test_frames_in_flight_are_the_frames_one_by_one(context: GraphicsContext, shapes: ModuleType, samples: int) -> None:
    from renderer.output.shot import Shot

    avatar = shapes.avatar(shapes.sphere(0.4))
    poses = [shapes.rest(avatar) for _ in range(5)]
    for index, pose in enumerate(poses):
        pose.matrices[0, 0, 3] = index / 10
    with Offscreen(avatar, size=(32, 32), samples=samples, context=context) as offscreen:
        single = [offscreen.frame(pose, view=shapes.FRONT) for pose in poses]
        flight = [f.copy() for f in offscreen.frames(Shot(pose=pose, view=shapes.FRONT) for pose in poses)]
    assert len(flight) == 5
    assert all(np.array_equal(a, b) for a, b in zip(single, flight, strict=True))
