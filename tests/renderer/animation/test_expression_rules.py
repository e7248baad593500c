"""Binary expressions and overrides (VRMC_vrm-1.0, expressions)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.animation.expression import Face
from renderer.animation.expression_rules import ExpressionRules
from renderer.animation.player import Player
from renderer.assets import load
from renderer.scene import Expression, MorphBind


def rules(**changes: Any) -> ExpressionRules:
    """A face ``happy`` with these properties, ``blink``, ``aa``, a custom ``blink`` look-alike, and a plain target."""
    happy = Expression(name="happy", binds=(), preset=True, **changes)
    others = (
        Expression(name="blink", binds=(), preset=True),
        Expression(name="aa", binds=(), preset=True),
        Expression(name="blinkLeft", binds=(), preset=False),
    )
    return ExpressionRules([happy, *others, None])


def left(found: ExpressionRules, *values: float) -> list[float]:
    return found.applied(np.array(values, np.float32)).tolist()


@pytest.mark.parametrize(("value", "on"), [(0.0, 0), (0.5, 0), (0.51, 1), (1.0, 1)])
def test_binary_is_all_or_nothing(value: float, on: int) -> None:
    assert left(rules(binary=True), value, 0.3, 0.3, 0.3, 0.3) == pytest.approx([on, 0.3, 0.3, 0.3, 0.3])


def test_block_takes_its_part_away_as_soon_as_it_is_on() -> None:
    found = rules(override_blink="block")
    assert left(found, 0.01, 0.8, 0.8, 0.8, 0.8) == pytest.approx([0.01, 0, 0.8, 0.8, 0.8])
    assert left(found, 0.0, 0.8, 0.8, 0.8, 0.8) == pytest.approx([0, 0.8, 0.8, 0.8, 0.8])


def test_blend_takes_it_away_as_far_as_it_is_on() -> None:
    assert left(rules(override_mouth="blend"), 0.25, 0.8, 0.8, 0.8, 0.8) == pytest.approx([0.25, 0.8, 0.6, 0.8, 0.8])


def test_a_binary_expression_overrides_wholly() -> None:
    found = rules(binary=True, override_blink="blend")
    assert left(found, 0.4, 0.8, 0, 0, 0) == pytest.approx([0, 0.8, 0, 0, 0])
    assert left(found, 0.6, 0.8, 0, 0, 0) == pytest.approx([1, 0, 0, 0, 0])


def test_a_binary_expression_that_is_overridden_a_little_is_off() -> None:
    happy = Expression(name="happy", binds=(), preset=True, override_blink="blend")
    found = ExpressionRules([happy, Expression(name="blink", binds=(), preset=True, binary=True)])
    assert left(found, 0.0, 0.9) == [0, 1]
    assert left(found, 0.1, 0.9) == pytest.approx([0.1, 0])


def test_several_overrides_multiply() -> None:
    faces = [Expression(name=n, binds=(), preset=True, override_mouth="blend") for n in ("happy", "sad")]
    found = ExpressionRules([*faces, Expression(name="oh", binds=(), preset=True)])
    assert left(found, 0.5, 0.5, 0.8) == pytest.approx([0.5, 0.5, 0.2])


def test_blinks_are_held_back_on_a_face(make: Any) -> None:
    """A held smile that blocks blinks keeps the player's own blinks from showing."""
    expressions = {
        "happy": Expression(name="happy", binds=(MorphBind(node=0, target=0),), preset=True, override_blink="block"),
        "blink": Expression(name="blink", binds=(MorphBind(node=0, target=1),), preset=True),
    }
    avatar = replace(make.avatar(make.node(mesh=0), meshes=[make.face("m0", "m1")]), expressions=expressions)

    def lids(**held: float) -> float:
        player = Player(avatar=avatar, expressions=held)
        return max(float(player.pose(frame / 30).weights[0][1]) for frame in range(130))

    assert lids() > 0.9
    assert lids(happy=0.4) == 0


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "given", "left_over"),
    [
        ("VRMC_vrm_expressions_isBinary_Overrides.vrm", {"happy": 0.4, "blink": 0.8}, [0.0, 0.8]),
        ("VRMC_vrm_expressions_isBinary_Overrides.vrm", {"happy": 0.6, "blink": 0.8}, [1.0, 0.0]),
        ("VRMC_vrm_expressions_isBinary_Overridden.vrm", {"happy": 0.0, "blink": 0.8}, [0.0, 1.0]),
        ("VRMC_vrm_expressions_isBinary_Overridden.vrm", {"happy": 0.3, "blink": 0.8}, [0.3, 0.0]),
    ],
)
def test_the_specifications_own_files(shared: Path, name: str, given: dict[str, float], left_over: list[float]) -> None:
    face = Face(load(shared / "models/avatars" / name).avatar)
    found = ExpressionRules([face.expression(key) for key in given])
    assert left(found, *given.values()) == pytest.approx(left_over)
