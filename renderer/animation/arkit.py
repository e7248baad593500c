"""The 52 face channels of ARKit, and how files name them."""

from __future__ import annotations

import re
from types import MappingProxyType

ARKIT = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""In the order of the platform's motion data, which is alphabetical and not Apple's."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_VALID_NAME = re.compile(r"(?:h_expressions\.|(?:h_teeth\.)?(?:t_)?)(?P<shape>[A-Za-z_]+)_h")
_ALIASES = MappingProxyType(
    {
        "mouthcheekpuff": "cheekPuff",
        "browinnerupleft": "browInnerUp",
        "browinnerupright": "browInnerUp",
        "cheekpuffleft": "cheekPuff",
        "cheekpuffright": "cheekPuff",
        "mouthrolllowerleft": "mouthRollLower",
        "mouthrolllowerright": "mouthRollLower",
        "mouthrollupperleft": "mouthRollUpper",
        "mouthrollupperright": "mouthRollUpper",
    }
)
_SIDED = (
    ("eyeClose", "eyeBlink"), ("eyeOpen", "eyeWide"), ("lowLid", "eyeSquint"), ("disgust", "noseSneer"),
    ("smileClose", "mouthSmile"), ("mouthSad", "mouthFrown"), ("lipUp", "mouthUpperUp"), ("lipDown", "mouthLowerDown"),
    ("lipCorner", "mouthDimple"), ("lipSide", "mouth"), ("jaw", "jaw"), ("browDown", "browDown"),
)  # fmt: skip
_VALID = MappingProxyType(
    {
        **{f"L{theirs}": f"{ours}Left" for theirs, ours in _SIDED},
        **{f"R{theirs}": f"{ours}Right" for theirs, ours in _SIDED},
        "LLbrowUp": "browOuterUpLeft",
        "RRbrowUp": "browOuterUpRight",
        "LbrowUp": "browInnerUp",
        "RbrowUp": "browInnerUp",
        "LLbrowDown": "browDownLeft",
        "RRbrowDown": "browDownRight",
        "Lblow": "cheekPuff",
        "Rblow": "cheekPuff",
        "MouthOpen": "jawOpen",
        "JawFront": "jawForward",
        "UH_OO": "mouthFunnel",
        "Kiss": "mouthPucker",
        "MPB_Up": "mouthRollUpper",
        "MPB_Down": "mouthRollLower",
        "Chin": "mouthShrugLower",
        "OutMiddle_tg": "tongueOut",
    }
)
"""Shapes of the VALID library, without what is around their names (``h_expressions.LeyeClose_h``)."""
_BY_KEY = MappingProxyType({**{name.lower(): name for name in ARKIT}, **_ALIASES})


def _words(name: str) -> list[str]:
    """A name's words in lower case, a trailing L or R spelt out."""
    words = [word.lower() for word in _WORD.findall(name)]
    if words and words[-1] in ("l", "r"):
        words[-1] = "left" if words[-1] == "l" else "right"
    return words


def key_of(name: str) -> str:
    """A name without its spelling and without what stands before a dot: ``Eye Blink Left``, ``eyeBlink_L`` and
    ``head_bs.EyeBlinkLeft`` are all ``eyeblinkleft``.
    """
    return "".join(_words(name.replace("|", ".").rpartition(".")[2]))


def arkit_channel(name: str) -> str | None:
    """The ARKit channel that a morph target's or channel's name means, however it is spelt; None for other names."""
    valid = _VALID_NAME.fullmatch(name)
    if valid is not None and valid["shape"] in _VALID:
        return _VALID[valid["shape"]]
    words = _words(name)
    # Exporters put the mesh's name in front: Wolf3D_Head_eyeBlinkLeft, blendShape1.eyeBlink_L.
    for begin in range(max(1, len(words) - 1)):
        channel = _BY_KEY.get("".join(words[begin:]))
        if channel is not None:
            return channel
    return None
