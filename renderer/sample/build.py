"""The sample avatar put together: shapes, weights, pictures and clips, and all of it into a GLB."""

from __future__ import annotations

from collections.abc import Callable

from renderer.animation.humanoid import humanoid_clips
from renderer.assets.glb_writer import write_glb
from renderer.sample import head, skeleton
from renderer.sample.assemble import assemble
from renderer.sample.materials import pictures
from renderer.sample.outfit import clothes
from renderer.sample.person import ears_and_hands, face_parts, feature_parts, hair_part
from renderer.scene import Avatar

Progress = Callable[[str], None]

STAGES = ("skin", "features", "hair", "clothes", "pictures", "clips", "file")


def build(progress: Progress = lambda _stage: None) -> bytes:
    """The whole avatar as a GLB; ``progress`` hears each of ``STAGES`` as it begins."""
    avatar = scene(progress)
    progress("clips")
    groups = humanoid_clips(avatar, thin=True)
    progress("file")
    return write_glb(avatar, clips=[clip for clips in groups.values() for clip in clips])


def scene(progress: Progress = lambda _stage: None) -> Avatar:
    """The avatar without clips."""
    bones = skeleton.bones()
    progress("skin")
    skin = head.build()
    parts = face_parts(skin, bones)
    progress("features")
    parts += [*feature_parts(bones), ears_and_hands(bones)]
    progress("hair")
    parts.append(hair_part(bones))
    progress("clothes")
    parts += clothes(bones)
    progress("pictures")
    return assemble(parts, bones, pictures(skin))
