"""MToon of VRM 0.x brought into the form of VRM 1.0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from renderer.assets import Asset, load
from renderer.scene.material import TextureRef

PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAA="


def made(*properties: dict[str, Any], **extensions: Any) -> Asset:
    document = {
        "asset": {"version": "2.0"},
        "materials": [{} for _ in properties],
        "textures": [{"source": 0}, {"source": 0}],
        "images": [{"uri": PNG}],
        "extensions": {"VRM": {"materialProperties": list(properties)}, **extensions},
    }
    return load(json.dumps(document).encode())


def mtoon(**changes: Any) -> dict[str, Any]:
    return {"shader": "VRM/MToon", **changes}


@pytest.mark.parametrize(
    ("shift", "toony", "expected_shift", "expected_toony"),
    [(0.0, 0.9, -0.05, 0.95), (-0.5, 0.8, 0.35, 0.85), (1.0, 0.5, -1.0, 1.0), (-1.0, 0.5, 0.5, 0.5)],
)
def test_the_border_between_light_and_shade(
    shift: float, toony: float, expected_shift: float, expected_toony: float
) -> None:
    asset = made(mtoon(floatProperties={"_ShadeShift": shift, "_ShadeToony": toony}))
    found = asset.avatar.materials[0].toon
    assert found is not None
    assert (found.shading_shift, found.shading_toony) == pytest.approx((expected_shift, expected_toony))
    # The same thing in both forms: shading begins at the shift, and is full at 1 - toony further on (0.x) ...
    begin, full = shift, shift + (1 - toony) * (1 - shift)
    # ... where 1.0 ramps from -1 + toony to 1 - toony of N.L + shift.
    ramp = (-1 + found.shading_toony - found.shading_shift, 1 - found.shading_toony - found.shading_shift)
    assert ramp == pytest.approx((begin, full), abs=1e-6)


def test_colours_textures_and_outline() -> None:
    asset = made(
        mtoon(
            floatProperties={
                "_OutlineWidthMode": 1,
                "_OutlineWidth": 0.5,
                "_OutlineColorMode": 1,
                "_OutlineLightingMix": 0.75,
                "_IndirectLightIntensity": 0.25,
                "_UvAnimScrollY": 0.5,
                "_UvAnimRotation": 2,
                "_RimLift": 0.125,
            },
            vectorProperties={"_ShadeColor": [0.5, 1, 0, 1], "_MainTex": [0.25, 0.125, 0.5, 0.5]},
            textureProperties={"_ShadeTexture": 1, "_SphereAdd": 0, "_RimTexture": 9},
        )
    )
    found = asset.avatar.materials[0].toon
    assert found is not None
    assert found.shade_color == pytest.approx((0.21404, 1, 0), abs=1e-4)
    assert found.shade_texture == TextureRef(texture=1, offset=(0.25, 0.375), scale=(0.5, 0.5))
    assert (found.matcap_texture, found.matcap_factor) == (TextureRef(texture=0), (1, 1, 1))
    assert (found.outline, found.outline_width, found.outline_lighting_mix) == ("world", 0.005, 0.75)
    assert (found.gi_equalization, found.scroll_y, found.rotation, found.rim_lift) == (0.75, -0.5, 2, 0.125)
    assert found.rim_texture is None
    assert "texture.reference" in {issue.code for issue in asset.issues}


def test_only_mtoon_of_version_0_is_converted() -> None:
    asset = made({"shader": "VRM_USE_GLTFSHADER"}, mtoon())
    assert [material.toon is not None for material in asset.avatar.materials] == [False, True]
    assert [m.toon for m in made(mtoon(), VRMC_vrm={"specVersion": "1.0"}).avatar.materials] == [None]


def test_blended_materials_keep_their_order() -> None:
    def blended(queue: int, writes: int) -> dict[str, Any]:
        return mtoon(renderQueue=queue, keywordMap={"_ALPHABLEND_ON": True}, floatProperties={"_ZWrite": writes})

    asset = made(blended(3000, 0), blended(2990, 0), mtoon(renderQueue=2000), blended(2502, 1), blended(2501, 1))
    found = [material.toon for material in asset.avatar.materials]
    assert [toon.render_queue_offset for toon in found if toon] == [0, -1, 0, 1, 0]
    assert [toon.z_write for toon in found if toon] == [False, False, True, True, True]


def test_wild_values_are_told_and_tamed() -> None:
    asset = made(mtoon(floatProperties={"_ShadeToony": 7, "_RimFresnelPower": -1}, vectorProperties={"_RimColor": [1]}))
    found = asset.avatar.materials[0].toon
    assert found is not None
    assert (found.shading_toony, found.rim_power, found.rim_color) == (1, 0, (0, 0, 0))
    assert "material.value" in {issue.code for issue in asset.issues}


@pytest.mark.shared
def test_a_file_from_life(shared: Path) -> None:
    toons = [material.toon for material in load(shared / "models/avatars/catbot.vrm").avatar.materials]
    assert all(toon is not None and toon.shading_toony == pytest.approx(0.95) for toon in toons)
