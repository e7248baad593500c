"""Face channels for avatars whose shapes are those of a Live2D face (``useLive2dBS`` of an avatar package)."""

from __future__ import annotations

from collections.abc import Mapping


def live2d_values(arkit: Mapping[str, float]) -> dict[str, float]:
    """The 13 Live2D channels made of ARKit's; missing ones count as 0 (the vendor's client, as observed)."""

    def sum_of(*names: str) -> float:
        return sum(arkit.get(name, 0.0) for name in names)

    up = sum_of("mouthSmileLeft", "mouthSmileRight", "mouthDimpleLeft", "mouthDimpleRight")
    down = sum_of("mouthFrownLeft", "mouthFrownRight", "mouthPucker")
    form = (2.0 - down + up) / 4.0
    opening = sum_of("mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight")
    press = opening / 1.2 - sum_of("mouthRollLower", "mouthRollUpper")
    widen = (sum_of("mouthDimpleLeft") - sum_of("mouthDimpleRight")) / 2.0 - sum_of("mouthPucker")
    jaw = sum_of("jawOpen") - sum_of("mouthClose") - 0.1 * sum_of("mouthRollUpper")
    return {
        "l2MouthFormL": max(-form, 0.0),
        "l2MouthFormR": max(form, 0.0),
        "l2MouthOpen": min(max(jaw, 0.0), 1.0),
        "l2MouthFunnel": sum_of("mouthFunnel"),
        "l2MouthPressLipOpenL": max(-press, 0.0),
        "l2MouthPressLipOpenR": max(press, 0.0),
        "l2MouthShrug": sum_of("mouthShrugUpper", "mouthShrugLower", "mouthPressLeft", "mouthPressRight"),
        "l2MouthPuckerWidenL": max(widen, 0.0),
        "l2MouthPuckerWidenR": max(-widen, 0.0),
        "l2EyeBlinkLeft": sum_of("eyeBlinkLeft"),
        "l2EyeBlinkRight": sum_of("eyeBlinkRight"),
        "l2EyeSquintLeft": sum_of("eyeSquintLeft"),
        "l2EyeSquintRight": sum_of("eyeSquintRight"),
    }
