"""An asset as a person changes it in a window: what plays, what the face holds, how it is lit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from renderer.animation.arkit import arkit_channel
from renderer.animation.expression import Face
from renderer.animation.performance import Performance
from renderer.assets import Asset
from renderer.assets.summary import summarise
from renderer.output.panel import Row
from renderer.output.shot import Shot
from renderer.output.show import Repertoire, Show, show
from renderer.scene import Background, Lighting, Shadow, View

STATES = ("Idle", "Listening", "Thinking", "Responding")


@dataclass(slots=True, kw_only=True)
class Lamp:
    """How the light is changed; angles in degrees, of the key light, others as factors."""

    key: float = 1.0
    turn: float = 0.0
    rise: float = 0.0
    around: float = 1.0
    exposure: float = 1.0
    shadow: bool = False

    SLIDERS = (
        ("key", "key light", 0.0, 4.0),
        ("turn", "turn", -180.0, 180.0),
        ("rise", "height", -90.0, 90.0),
        ("around", "surroundings", 0.0, 4.0),
        ("exposure", "exposure", 0.1, 4.0),
    )


class Viewed:
    """One asset in a window."""

    def __init__(
        self, asset: Asset, *, aspect: float, clip: str | None, camera: int | None, background: Background | None
    ) -> None:
        self.asset = asset
        self.repertoire = Repertoire(asset)
        self.show: Show = show(
            asset, repertoire=self.repertoire, aspect=aspect, clip=clip, camera=camera, background=background
        )
        self.time = 0.0
        self.state = ""
        self._clip = -1
        self._face = Face(asset.avatar)
        own = (name for name in self._face.names if arkit_channel(name) not in self._face.arkit)
        self.names = tuple(dict.fromkeys((*self._face.arkit, *own)))
        self.shapes: dict[str, float] = {}
        self._driver = self._face.driver(())
        self.lamp = self._plain_lamp()
        self._lit: Lighting | None = None

    def shot(self, view: View) -> Shot:
        """The picture of now; it is to be drawn before the next is asked for."""
        shot = self.show.shot(self.time)
        if self.shapes:
            self._driver.apply(shot.pose, np.array(list(self.shapes.values()), np.float32))
        if self._lit is None:
            self._lit = self._lighting()
        look = (
            shot.look if self.lamp.exposure == shot.look.exposure else replace(shot.look, exposure=self.lamp.exposure)
        )
        return replace(shot, view=view, lighting=self._lit, look=look)

    def rows(self, tab: str) -> Iterator[Row]:
        """What the panel's tabs hold, but for the last."""
        if tab == "Play":
            yield Row(kind="heading", label="states")
            for state in STATES:
                yield Row(kind="button", label=state, key=f"state {state}", on=state == self.state)
            yield Row(kind="heading", label="clips")
            playing = self.show.player.playing if not self.state else ()
            for index, name in enumerate(self.repertoire.names):
                yield Row(kind="button", label=name, key=f"clip {index}", on=name in playing)
        elif tab == "Face":
            yield Row(kind="button", label="at rest", key="rest", on=not self.shapes)
            for name in self.names:
                yield Row(kind="slider", label=name, key=f"shape {name}", value=self.shapes.get(name, 0.0))
        elif tab == "Light":
            yield Row(kind="button", label="as it was", key="light", on=self.lamp == self._plain_lamp())
            for key, label, low, high in Lamp.SLIDERS:
                value = float(getattr(self.lamp, key))
                yield Row(kind="slider", label=label, key=f"lamp {key}", value=value, low=low, high=high)
            yield Row(kind="button", label="shadow", key="shadow", on=self.lamp.shadow)

    def press(self, key: str) -> None:
        """A button of the panel."""
        kind, _, what = key.partition(" ")
        if kind == "state":
            self.enter(what)
        elif kind == "clip":
            self.play(int(what))
        elif kind == "rest":
            self.shapes = {}
        elif kind == "light":
            self.lamp, self._lit = self._plain_lamp(), None
        elif kind == "shadow":
            self.lamp.shadow, self._lit = not self.lamp.shadow, None

    def slide(self, key: str, value: float) -> None:
        """A slider of the panel."""
        kind, _, what = key.partition(" ")
        if kind == "shape":
            shapes = {**self.shapes, what: value}
            self.shapes = {name: held for name, held in shapes.items() if held > 0.0}
            self._driver = self._face.driver(self.shapes)
        else:
            setattr(self.lamp, what, value)
            self._lit = None

    def enter(self, state: str) -> None:
        """Go into a state, from the one the avatar is in if it is in any."""
        player = self.show.player
        if self.state and isinstance(player, Performance):
            player.request(state, self.time)
        else:
            self.show.player, self.time = self.repertoire.performance((state,), seconds=1.0), 0.0
        self.state = state

    def play(self, clip: int) -> None:
        """Play one clip from its start."""
        self.show.player, self.time, self.state, self._clip = self.repertoire.player(clip=clip), 0.0, "", clip

    def play_next(self) -> None:
        """Play the clip after the one that was chosen last."""
        if self.repertoire.names:
            self.play((self._clip + 1) % len(self.repertoire.names))

    def framed(self, camera: int, aspect: float) -> View:
        """One of the platform's cameras on the pose of now."""
        return self.show.framed(self.asset, time=self.time, camera=camera, aspect=aspect)

    def facts(self, name: str, *, renderer: str) -> tuple[str, ...]:
        """What is in the asset, and what is wrong with it, in short lines."""
        found, avatar = summarise(self.asset, name=name), self.asset.avatar
        problems = [issue.code + (f" x{issue.count}" if issue.count > 1 else "") for issue in self.asset.issues]
        return (
            renderer,
            f"{sum(mesh.triangles for mesh in found.meshes):,} triangles in {len(found.meshes)} meshes",
            f"{sum(len(skin.joints) for skin in avatar.skins)} joints, {len(avatar.nodes)} nodes",
            f"{len(found.materials)} materials, {len(found.images)} pictures",
            f"{len(self.asset.clips)} clips of its own, {len(self.names)} shapes",
            *problems,
        )

    def take_over(self, other: Viewed) -> None:
        """Go on as another view of the same file did: the same clip or state, shapes and light, by their names."""
        names = self.repertoire.names
        playing = other.show.player.playing
        if other.state:
            self.enter(other.state)
        elif other._clip >= 0 and playing and playing[0] in names:
            self.play(names.index(playing[0]))
        self.time = other.time
        self.shapes = {name: value for name, value in other.shapes.items() if name in self.names}
        self._driver = self._face.driver(self.shapes)
        self.lamp = other.lamp

    def _plain_lamp(self) -> Lamp:
        key = self.show.lighting.key
        turn, rise = 0.0, 0.0
        if key is not None:
            x, y, z = key.direction
            turn, rise = math.degrees(math.atan2(x, z)), math.degrees(math.asin(min(max(y, -1.0), 1.0)))
        shadow = key is not None and key.shadow is not None
        return Lamp(turn=turn, rise=rise, shadow=shadow, exposure=self.show.look.exposure)

    def _lighting(self) -> Lighting:
        lighting, lamp = self.show.lighting, self.lamp
        key, around = lighting.key, lighting.environment
        if key is not None and lamp != self._plain_lamp():
            turn, rise = math.radians(lamp.turn), math.radians(lamp.rise)
            flat = math.cos(rise)
            key = replace(
                key,
                direction=(flat * math.sin(turn), math.sin(rise), flat * math.cos(turn)),
                intensity=key.intensity * lamp.key,
                shadow=(key.shadow or Shadow(strength=1.0)) if lamp.shadow else None,
            )
        if around is not None and lamp.around != 1.0:
            around = replace(around, intensity=around.intensity * lamp.around)
        return Lighting(key=key, environment=around)
