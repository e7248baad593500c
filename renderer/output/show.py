"""How an asset is shown: what it plays, from where, in which light, before what."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from renderer.animation.clip import Clip
from renderer.animation.gestures import GROUPS
from renderer.animation.groups import groups_by_name
from renderer.animation.humanoid import humanoid_clips
from renderer.animation.overlay import FaceOverlay, moved_faces
from renderer.animation.performance import Performance, evenly
from renderer.animation.player import Player
from renderer.animation.states import StateMachine
from renderer.assets import Asset
from renderer.assets.color_table import read_color_table
from renderer.assets.radiance import gradient_of, read_hdr
from renderer.maths import quaternion_from_euler, quaternion_to_matrix
from renderer.output.shot import Shot
from renderer.output.studio import BACKDROP, STUDIO, with_shadow
from renderer.output.turntable import all_sides, around, lit_around
from renderer.scene import Background, Environment, Lighting, Look, Panorama, View
from renderer.scene.extent import extent
from renderer.scene.framing import frame_avatar

_FIT_SAMPLES = 5


class Repertoire:
    """What an asset can play: its own clips, or those made for any humanoid when it brings none.

    Making clips takes a while, so the first picture waits for those it shows only.
    """

    def __init__(self, asset: Asset) -> None:
        self._asset = asset
        self._clips: list[Clip] = list(asset.clips)
        self._groups: dict[str, Sequence[int]] = dict(asset.groups)
        self._whole = bool(asset.clips)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the clips, in their order."""
        self._complete()
        return tuple(clip.name for clip in self._clips)

    def _complete(self) -> None:
        if not self._whole:
            self._clips, self._groups = _made(self._asset, GROUPS)
            self._whole = True

    def _playable(self, clip: str | int | None, group: str) -> tuple[list[Clip], dict[str, Sequence[int]]]:
        """Clips and groups, with at least what is asked for."""
        if not self._whole and clip is None and group in GROUPS:
            clips, groups = _made(self._asset, (group,))
            if clips:
                return clips, groups
        self._complete()
        return self._clips, self._groups

    def player(
        self,
        *,
        clip: str | int | None = None,
        group: str | None = None,
        expressions: Mapping[str, float] | None = None,
        look_at: Sequence[float] | None = None,
    ) -> Player:
        """What plays one of them; arguments and errors as ``renderer.animation.player.Player``."""
        motion = self._asset.motion
        clips, groups = self._playable(clip, group or "idle")
        return Player(
            avatar=self._asset.avatar,
            clips=clips,
            clip=clip,
            group=group,
            groups=groups,
            expressions=expressions,
            adjust=None if motion is None else motion.apply,
            live2d=self._asset.config is not None and self._asset.config.use_live2d,
            look_at=look_at,
        )

    def performance(
        self,
        states: Sequence[str],
        *,
        seconds: float,
        expressions: Mapping[str, float] | None = None,
        look_at: Sequence[float] | None = None,
        seed: int = 0,
    ) -> Performance:
        """The states one after the other, each for the same part of the time; hello is left out.

        Raises:
            AssetError: ``expression.unknown``.
        """
        self._complete()
        motion, avatar = self._asset.motion, self._asset.avatar
        found = self._groups or groups_by_name(self._clips)
        groups = {name: members for name, members in found.items() if name != "hello"}
        overlay = FaceOverlay(
            avatar,
            moved=moved_faces([self._clips[index] for members in groups.values() for index in members]),
            expressions=expressions,
            adjust=None if motion is None else motion.apply,
            live2d=self._asset.config is not None and self._asset.config.use_live2d,
            look_at=look_at,
            seed=seed,
        )

        def machine() -> StateMachine:
            return StateMachine(
                avatar=avatar,
                clips=self._clips,
                groups=groups,
                chained=self._asset.chained,
                rng=random.Random(seed),  # noqa: S311 -- which clip comes next is no secret
            )

        return Performance(avatar=avatar, machine=machine, cues=evenly(states, seconds), overlay=overlay)


def _made(asset: Asset, wanted: Collection[str]) -> tuple[list[Clip], dict[str, Sequence[int]]]:
    clips: list[Clip] = []
    groups: dict[str, Sequence[int]] = {}
    for name, members in humanoid_clips(asset.avatar, groups=wanted).items():
        groups[name] = range(len(clips), len(clips) + len(members))
        clips.extend(members)
    return clips, groups


@dataclass(slots=True, kw_only=True)
class Show:
    """Everything that decides what an asset's pictures look like, but for their size."""

    player: Player | Performance
    view: View
    lighting: Lighting
    background: Background
    look: Look
    start: float = 0.0
    turn: float = 0.0  # radians a second about the vertical, from ``start`` on

    def shot(self, time: float) -> Shot:
        """The picture at a time, seconds. It is to be drawn before the next is asked for."""
        angle = self.turn * (time - self.start)
        return Shot(
            pose=self.player.pose(time),
            view=around(self.view, angle) if angle else self.view,
            lighting=lit_around(self.lighting, angle) if angle else self.lighting,
            background=self.background,
            look=self.look,
            time=time,
        )

    def framed(self, asset: Asset, *, time: float, camera: int, aspect: float) -> View:
        """One of the platform's cameras on the pose of a time."""
        world = self.player.pose(time).world(asset.avatar)
        return frame_avatar(asset.avatar, [world], locate=camera, aspect=aspect)

    def shots(self, *, start: float, seconds: float, fps: int) -> Iterator[Shot]:
        """Pictures at a steady rate."""
        for index in range(max(1, round(seconds * fps))):
            yield self.shot(start + index / fps)


def show(
    asset: Asset,
    *,
    aspect: float,
    repertoire: Repertoire | None = None,
    clip: str | None = None,
    group: str | None = None,
    states: Sequence[str] = (),
    expressions: Mapping[str, float] | None = None,
    look_at: Sequence[float] | Literal["camera"] | None = None,
    start: float = 0.0,
    seconds: float = 0.0,
    view: View | None = None,
    camera: int | None = None,
    angle: int = 0,
    background: Background | None = None,
    shadows: bool = True,
    occlusion: bool = False,
    turntable: bool = False,
) -> Show:
    """Decide how to show an asset: what is asked for, else what the asset says, else what suits it.

    Args:
        aspect: width / height of the pictures.
        repertoire: what the asset can play, where that is known already.
        clip, group, expressions: as for ``Player``; an avatar without clips gets those made for any humanoid.
        states: go through these instead, as a talking avatar does, each for the same part of ``seconds``.
        look_at: a point of the world, metres, or the camera, for the eyes to follow.
        start, seconds: what time will be seen; the platform's cameras fit the avatar in all of it.
        view: an explicit camera, or
        turntable: turn the avatar once in ``seconds``.
        occlusion: whether what the avatar hides from itself of its surroundings' light is dark; for stills.
        shadows: whether there are any: those an avatar package wants, or of the studio light for other files.
        camera, angle: one of the platform's; without either an avatar package's own, else full body near.

    Raises:
        AssetError: ``clip.unknown``, ``expression.unknown``.
    """
    plays = repertoire or Repertoire(asset)

    def playing(towards: Sequence[float] | None) -> Player | Performance:
        if states:
            return plays.performance(states, seconds=seconds, expressions=expressions, look_at=towards)
        return plays.player(clip=clip, group=group, expressions=expressions, look_at=towards)

    player = playing(None if isinstance(look_at, str) else look_at)
    config = asset.config
    if view is None and config is not None and camera is None and angle == 0:
        view = config.view
    if view is None:
        times = [start + seconds * part / _FIT_SAMPLES for part in range(_FIT_SAMPLES)] if seconds else [start]
        worlds = [player.pose(time).world(asset.avatar) for time in times]
        worlds = all_sides(worlds) if turntable else worlds
        view = frame_avatar(asset.avatar, worlds, locate=camera or 0, angle=angle, aspect=aspect)
    if isinstance(look_at, str):
        player = playing(view.eye)
    if background is None:
        background = Background(image=asset.background) if asset.background else BACKDROP
    lighting = STUDIO if config is None else Lighting(key=config.key_light, environment=_surroundings(asset))
    if config is None and asset.avatar.lit:
        # A file with lights of its own is lit by them, and by what is around; a package always says its key light.
        lighting = replace(lighting, key=None)
    if occlusion:
        lighting = replace(lighting, occlusion=True)
    if not shadows and lighting.key is not None:
        lighting = replace(lighting, key=replace(lighting.key, shadow=None))
    elif config is None:
        lighting = with_shadow(lighting, extent(asset.avatar, player.pose(start).world(asset.avatar)))
    look = Look() if asset.color_table is None else Look(lut=read_color_table(asset.color_table))
    return Show(
        player=player,
        view=view,
        lighting=lighting,
        background=background,
        look=look,
        start=start,
        turn=2.0 * math.pi / seconds if turntable and seconds else 0.0,
    )


def _surroundings(asset: Asset) -> Environment | Panorama | None:
    """An avatar package's ``background.hdr``, turned as its configuration says, None without one.

    A picture that only changes from top to bottom is drawn as the gradient that it is, which costs less: nothing is
    prepared, and each picture takes a tenth less time.
    """
    if asset.config is None or asset.environment is None:
        return None
    given = asset.config.environment
    pixels = read_hdr(asset.environment, where="background.hdr")
    upright = given.rotation_x == 0.0 and given.rotation_z == 0.0
    if upright and (gradient := gradient_of(pixels, intensity=given.intensity)) is not None:
        return gradient
    angles = np.radians((-given.rotation_x, -given.rotation_y, -given.rotation_z))
    return Panorama(
        pixels=pixels,
        rotation=quaternion_to_matrix(quaternion_from_euler(angles)),
        intensity=given.intensity,
    )
