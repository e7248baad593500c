"""What loading gives: an avatar with its clips, and what was found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from renderer.animation.clip import Clip
from renderer.animation.player import Player
from renderer.assets.config import CharacterConfig, MotionConfig
from renderer.assets.issues import Issue
from renderer.scene.avatar import Avatar
from renderer.scene.later import Later


@dataclass(kw_only=True)
class Asset:
    """An avatar that is ready to be drawn.

    Clips are read when they are first asked for (that they lie within the file was seen to before), and to ask for
    the issues is to read everything.

    Attributes:
        clips: animations, bound to the avatar's nodes, in the file's order.
        issues: what is wrong with the data although it can be used.
        extensions: names the file lists as used.
        generator: the program that wrote the file, as it says itself.
        config: how an avatar package wants to be shown; None for a single file.
        motion: how an avatar package wants its face channels scaled; None for a single file.
        background: the encoded picture behind an avatar package; None without.
        environment: an avatar package's Radiance HDR picture (equirectangular); None without.
        color_table: an avatar package's 256 x 16 colour table, encoded; None without.
        expression_nodes: of a VRM animation: expression to the node whose X translation is how far it is on.
        chained: those groups whose clips are a start, a loop and an end rather than alternatives.
        groups: of an avatar package: ``hello``, ``idle``, ``listen``, ``speak``, ``think`` to indices of ``clips``.
    """

    avatar: Avatar
    clips: Later[tuple[Clip, ...]] = Later(())  # noqa: RUF009 -- a descriptor
    issues: Later[tuple[Issue, ...]] = Later(())  # noqa: RUF009 -- a descriptor
    extensions: tuple[str, ...] = ()
    generator: str = ""
    config: CharacterConfig | None = None
    motion: MotionConfig | None = None
    background: bytes | None = field(default=None, repr=False)
    environment: bytes | None = field(default=None, repr=False)
    color_table: bytes | None = field(default=None, repr=False)
    groups: dict[str, tuple[int, ...]] = field(default_factory=dict)
    chained: frozenset[str] = frozenset()
    expression_nodes: dict[str, int] = field(default_factory=dict)

    def player(
        self,
        *,
        clip: str | int | None = None,
        group: str | None = None,
        expressions: Mapping[str, float] | None = None,
        blink: bool = True,
        loop: bool = True,
        seed: int = 0,
    ) -> Player:
        """What plays the asset's clips; arguments and errors as ``renderer.animation.player.Player``."""
        return Player(
            avatar=self.avatar,
            clips=self.clips,
            clip=clip,
            group=group,
            groups=self.groups,
            expressions=expressions,
            adjust=None if self.motion is None else self.motion.apply,
            live2d=self.config is not None and self.config.use_live2d,
            blink=blink,
            loop=loop,
            seed=seed,
        )
