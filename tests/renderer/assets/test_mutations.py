"""Good files changed at random: whatever comes out, it is a code or an avatar."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest

from renderer.assets import load
from renderer.assets.issues import TABLE
from renderer.errors import AssetError
from tests.glb_mutation import mutated

FILES = (
    "avatars/RobotExpressive-quantized.glb",
    "avatars/greenman.glb",
    "avatars/catbot.vrm",
    "avatars/vrm1-expression_migration.vrm",
    "avatars/VRMC_vrm_expressions_isBinary_Overrides.vrm",
    "khronos/AnimatedMorphCube.glb",
    "khronos/RiggedSimple.glb",
    "khronos/InterpolationTest.glb",
    "khronos/BoxInterleaved.glb",
    "khronos/TextureSettingsTest.glb",
)


def check(shared: Path, cases: int, seed: int) -> None:
    originals = [(shared / "models" / name).read_bytes() for name in FILES]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for case in range(cases):
            rng = random.Random(f"{seed}/{case}")
            data = mutated(rng.choice(originals), rng)
            code = ""
            try:
                asset = load(data)
                assert all(issue.code in TABLE for issue in asset.issues)
                asset.player().pose(0.37).world(asset.avatar)
            except AssetError as error:
                code = error.code
            assert not code or code in TABLE, f"seed {seed}, case {case}"


@pytest.mark.shared
def test_a_few_mutations(shared: Path) -> None:
    check(shared, 150, seed=1)


@pytest.mark.shared
@pytest.mark.slow
def test_many_mutations(shared: Path) -> None:
    check(shared, 5000, seed=2)
