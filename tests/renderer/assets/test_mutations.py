"""Good files changed at random: whatever comes out, it is a code or an avatar."""

from __future__ import annotations

import random
import re
import struct
import warnings
from pathlib import Path

import pytest

from renderer.assets import load
from renderer.assets.issues import TABLE
from renderer.errors import AssetError

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
NUMBER = re.compile(rb"-?\d+(\.\d+)?")
VALUES = (b"0", b"-1", b"1", b"3", b"5121", b"5126", b"99999", b"2147483647", b"4294967295", b"1e38", b"0.5", b"null",
          b'""', b"{}", b"[]")  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Bytes flipped anywhere, characters of the JSON changed, its numbers replaced, or the end cut off."""
    (length,) = struct.unpack_from("<I", data, 12)
    kind = rng.choice(("bytes", "characters", "numbers", "numbers", "numbers", "cut"))
    if kind == "cut":
        return data[: rng.randrange(len(data))]
    if kind == "numbers":
        text = data[20 : 20 + length]
        for _ in range(rng.randint(1, 3)):
            match = rng.choice(list(NUMBER.finditer(text)))
            text = text[: match.start()] + rng.choice(VALUES) + text[match.end() :]
        text += b" " * (-len(text) % 4)
        rest = data[20 + length :]
        return struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A) + text + rest
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if kind == "bytes":
            changed[rng.randrange(len(data))] = rng.randrange(256)
        else:
            changed[20 + rng.randrange(length)] = rng.choice(b'0123456789-.e"[]{},:')
    return bytes(changed)


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
