"""One picture to take, and the steps that draw it, whether it is for a file or for a window."""

from __future__ import annotations

from dataclasses import dataclass, field

from renderer.animation.pose import Pose
from renderer.gl.stage import Stage
from renderer.gl.target import Target
from renderer.scene import Avatar, Background, Lighting, Look, View


@dataclass(slots=True, kw_only=True, frozen=True)
class Shot:
    """One picture to take. ``time``, seconds, moves the textures of cartoon materials; the pose has its own."""

    pose: Pose
    view: View
    lighting: Lighting = field(default_factory=Lighting)
    background: Background = field(default_factory=Background)
    look: Look = field(default_factory=Look)
    time: float = 0.0


def draw_shot(shot: Shot, *, avatar: Avatar, stage: Stage, target: Target, aspect: float, flipped: bool) -> None:
    """Draw the avatar and what is behind it into the target; its outlines and its end are still to come.

    Args:
        aspect: width by height of the picture.
        flipped: the picture's first row is its top, as files want it; OpenGL's is the bottom.
    """
    stage.pose(world=shot.pose.world(avatar), weights=shot.pose.weights)
    stage.cast_shadow(shot.lighting)
    backdrop = stage.backdrop(shot.background, aspect=aspect, flipped=flipped)
    clear = stage.clear_color(shot.background)
    there = target.begin(clear, None if backdrop is None else (shot.background, backdrop))
    stage.draw(
        view=shot.view,
        aspect=aspect,
        lighting=shot.lighting,
        look=shot.look,
        background=None if there else shot.background,
        flipped=flipped,
        time=shot.time,
    )
