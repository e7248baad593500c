"""An avatar with the clips of another file: a VRM animation, or anything with clips."""

from __future__ import annotations

from dataclasses import replace

from renderer.animation.retarget import retarget
from renderer.animation.transfer import transfer
from renderer.assets.asset import Asset
from renderer.assets.issues import IssueLog
from renderer.assets.vrm import ANIMATION
from renderer.errors import AssetError

_T_POSED = frozenset(("VRM", "VRMC_vrm", ANIMATION))
"""Extensions that ask for a T-pose at rest."""


def with_motion(asset: Asset, motion: Asset) -> Asset:
    """The asset with the clips of ``motion`` instead of its own.

    Clips of a VRM animation, and of a humanoid whose nodes are called otherwise, go from bone to bone; others go by
    the names of nodes.

    Raises:
        AssetError: ``clip.unknown`` when nothing of the clips fits the avatar.
    """
    source, target = motion.avatar, asset.avatar
    log = IssueLog()
    by_name = retarget(motion.clips, source=source, target=target)
    named = sum(len(clip.channels) for clip in by_name.clips)
    clips = by_name.clips
    if ANIMATION in motion.extensions or 2 * named < sum(len(clip.channels) for clip in motion.clips):
        moved = transfer(
            motion.clips,
            source=source,
            target=target,
            source_in_t_pose=bool(_T_POSED.intersection(motion.extensions)),
            target_in_t_pose=bool(_T_POSED.intersection(asset.extensions)),
            expressions=motion.expression_nodes,
        )
        if ANIMATION in motion.extensions or sum(len(clip.channels) for clip in moved) > named:
            clips = moved
    if clips is by_name.clips and by_name.unbound:
        some = ", ".join(by_name.unbound[:5])
        log.add("animation.unbound", f"the avatar has no {some}", count=len(by_name.unbound))
    if not any(clip.channels for clip in clips):
        raise AssetError(
            "none of the clips fits the avatar",
            code="clip.unknown",
            where=source.name,
            hint="a clip needs the avatar's own node names, or humanoid bones on both sides",
        )
    return replace(asset, clips=clips, issues=(*asset.issues, *log.issues()), groups={}, chained=frozenset())
