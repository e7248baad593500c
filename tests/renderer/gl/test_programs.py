"""Shader sources: composition, and every variant on both profiles."""

from __future__ import annotations

import importlib
import itertools
import re
from importlib import resources
from itertools import product

import pytest

from renderer.errors import GraphicsError
from renderer.gl.context import GraphicsContext
from renderer.gl.programs import Programs, source

SHADERS = sorted(path.name for path in (resources.files("renderer.gl") / "shaders").iterdir())
VERTEX = ({}, {"NORMALS": ""}, {"NORMALS": "", "TANGENTS": ""}, {"NORMALS": "", "SKIN": ""}, {"SKIN": "", "SKIN_8": ""})
TEXTURES = (
    {},
    {"UV_SET_0": "", "UV0": "in_uv0", "BASE_UV": "v_uv0"},
    {
        "UV_SET_0": "",
        "UV_SET_1": "",
        "UV0": "moved(in_uv0, 0)",
        "UV1": "in_uv1",
        "BASE_UV": "v_uv0",
        "METALLIC_ROUGHNESS_UV": "v_uv1",
        "OCCLUSION_UV": "v_uv1",
        "OCCLUSION_SHARED": "",
        "NORMAL_UV": "v_uv0",
        "EMISSIVE_UV": "v_uv0",
    },
)
LIGHT = ({}, {"KEY_LIGHT": ""}, {"ENVIRONMENT": ""}, {"KEY_LIGHT": "", "ENVIRONMENT": ""}, {"UNLIT": ""})
PANORAMA = {"KEY_LIGHT": "", "ENVIRONMENT": "", "PANORAMA": ""}
ALPHA = ({}, {"ALPHA_MASK": "", "DOUBLE_SIDED": ""}, {"ALPHA_BLEND": "", "COLORS": ""}, {"DIELECTRIC": ""})


@pytest.mark.parametrize("name", SHADERS)
def test_every_file_says_what_it_computes(name: str) -> None:
    text = (resources.files("renderer.gl") / "shaders" / name).read_text(encoding="utf-8")
    assert text.startswith("// ")


def test_includes_are_resolved_and_comments_dropped() -> None:
    text = source("surface.frag.glsl")
    assert "#include" not in text
    assert text.count("uniform Frame {") == 1
    assert not [line for line in text.splitlines() if line.startswith("//")]


@pytest.mark.gl
@pytest.mark.parametrize("tone", ["TONE_ACES", "TONE_NEUTRAL", "TONE_NONE"])
def test_every_variant_is_accepted(context: GraphicsContext, tone: str) -> None:
    programs = Programs(context)
    wanted = [(VERTEX[1], {}, LIGHT[3], {})]
    if tone == "TONE_ACES":
        wanted = [
            *product(VERTEX, TEXTURES, LIGHT, ALPHA[:1]),
            *product(VERTEX[1:3], TEXTURES[2:], (*LIGHT, PANORAMA), ALPHA[1:]),
        ]
    for parts in wanted:
        defines = {name: value for part in (*parts, {tone: ""}) for name, value in part.items()}
        programs.get(vertex="surface.vert.glsl", fragment="surface.frag.glsl", defines=defines)
    assert programs.count == len(wanted)
    programs.get(vertex="surface.vert.glsl", fragment="surface.frag.glsl", defines=defines)
    assert programs.count == len(wanted)
    programs.release()


@pytest.mark.gl
def test_a_refused_shader_is_told_with_the_drivers_words(context: GraphicsContext) -> None:
    programs = Programs(context)
    with pytest.raises(GraphicsError) as caught:
        programs.get(vertex="surface.vert.glsl", fragment="surface.frag.glsl", defines={"BASE_UV": "no_such_name"})
    assert caught.value.code == "gl.shader"
    assert "surface.frag.glsl" in caught.value.message
    assert "no_such_name" in caught.value.message


_SOURCE = re.compile(r"(19|20)\d\d|glTF 2\.0|KHR_|VRMC_|the platform's own|\b[Oo]urs\b|\bOur own\b")
PASSES = (
    *("background", "behind", "color_table", "joints", "lamps", "layers", "morph", "opaque_copy", "openness"),
    *("outlines", "overlay", "prefilter", "shadow", "silhouettes", "smoothing", "stage", "surroundings", "toon"),
)


@pytest.mark.parametrize("name", SHADERS)
def test_a_shader_says_first_what_it_computes_and_from_which_source(name: str) -> None:
    text = (resources.files("renderer.gl") / "shaders" / name).read_text(encoding="utf-8")
    head = "\n".join(itertools.takewhile(lambda line: line.startswith("//"), text.splitlines()))
    assert len(head) > 30
    assert _SOURCE.search(head), head


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_says_what_it_computes_and_from_which_source(name: str) -> None:
    told = importlib.import_module(f"renderer.gl.{name}").__doc__
    assert told
    assert _SOURCE.search(told), told
