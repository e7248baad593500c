"""Avatars: glTF and VRM files, their compressed parts, whole packages, and a package's configuration."""

from __future__ import annotations

import functools
import json
import random
import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from renderer.assets import Asset, Limits, load, load_package
from renderer.assets.compression.damage import Damaged
from renderer.assets.compression.views import Compressed, CompressedView, decompress
from renderer.assets.config import AnimationConfig, CharacterConfig, MetaInfo, MotionConfig, read_config
from renderer.assets.issues import TABLE
from tests.fuzz.avatar_files import LONGEST, avatars, character, configs, packages, streams, vrms, zips
from tests.fuzz.target import Target, of_json, of_rest
from tests.glb_mutation import mutated
from tests.gltf_file import GltfFile, package_files

LIMITS = Limits(source_bytes=1 << 20, archive_bytes=1 << 22, archive_entries=50, objects=2000, decoded_bytes=16 << 20,
                empty_bytes=4 << 20, picture_pixels=1 << 18)  # fmt: skip
"""So small that a case of some kilobytes can reach them, and no case is slow within them."""


def tried(read: Callable[[], Asset]) -> None:
    """Read everything that is there, and move it; a warning of numpy's is a number that should not have come so far."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asset = read()
        assert all(issue.code in TABLE and f"{issue.message}{issue.where}".isprintable() for issue in asset.issues)
        player = asset.player()
        player.pose(0.37).world(asset.avatar)
        if asset.config is not None:
            assert asset.config.view
            assert asset.config.key_light


def read_avatar(data: bytes) -> None:
    tried(lambda: load(data, limits=LIMITS))


def read_vrm(data: bytes) -> None:
    """The case is the document of a VRM; what it refers to is a character of some bones."""
    file = GltfFile()
    text, file.binary = bare_character()
    file.json = json.loads(text)
    try:
        file.json |= json.loads(data)
    except (ValueError, TypeError, RecursionError):
        return
    tried(lambda: load(file.glb(), limits=LIMITS))


@functools.cache
def bare_character() -> tuple[str, bytes]:
    """Its document and its bytes, made once: a case takes less time than this."""
    file = character()
    return json.dumps(file.json), file.binary


@functools.cache
def good_package() -> Mapping[str, bytes]:
    return package_files()


def read_package(data: bytes) -> None:
    """The first byte chooses which file of a good package is the case."""
    files = good_package()
    name = sorted(files)[data[0] % len(files)] if data else "metaInfo.json"
    tried(lambda: load_package({**files, name: data[1:]}, limits=LIMITS))


def read_config_file(data: bytes) -> None:
    """The first byte chooses which of the four files it is."""
    kinds: Sequence[type[Any]] = (CharacterConfig, AnimationConfig, MotionConfig, MetaInfo)
    found = read_config(data[1:], kinds[data[0] % 4 if data else 0], where="x")
    if isinstance(found, AnimationConfig):
        assert set(found.indices(3)) >= found.chained
    if isinstance(found, CharacterConfig):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert found.view
            assert found.key_light


def read_compressed(data: bytes) -> None:
    """The first bytes are what the extension says of the rest: mode, filter, stride, and two for the count."""
    mode, how, stride, *count = data[:5].ljust(5, b"\0")
    view = CompressedView(
        buffer=0, byte_length=len(data[5:]), byte_stride=stride, count=int.from_bytes(count, "big"),
        mode=("ATTRIBUTES", "TRIANGLES", "INDICES", "x")[mode % 4],
        filter=("NONE", "OCTAHEDRAL", "QUATERNION", "EXPONENTIAL", "x")[how % 5],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(Damaged):  # who links a document makes a refusal of it
            (found,) = decompress([Compressed(data=memoryview(data[5:]), view=view)])
            assert len(found) == view.count * view.byte_stride


def of_avatar(data: bytes, dice: random.Random) -> bytes:
    if data[:4] == b"glTF" and dice.random() < 0.9:
        try:
            return mutated(data, dice)
        except (ValueError, IndexError, TypeError, ArithmeticError, RecursionError, OverflowError, struct.error):
            return data  # it is too far from a GLB for changes by its structure
    return of_json(data, dice)


def of_package(data: bytes, dice: random.Random) -> bytes:
    return bytes([dice.randrange(6) if dice.random() < 0.2 else data[0]]) + of_avatar(data[1:], dice) if data else b"\0"


TARGETS = {
    "gltf": Target(run=read_avatar, codes=TABLE, seeds=avatars, mutate=of_avatar, longest=LONGEST),
    "vrm": Target(run=read_vrm, codes=TABLE, seeds=vrms, mutate=of_json, longest=LONGEST),
    "avatar-package": Target(
        run=read_package, codes=TABLE, seeds=packages, mutate=of_package, longest=LONGEST, few=True
    ),
    "avatar-zip": Target(run=read_avatar, codes=TABLE, seeds=zips, longest=LONGEST, few=True),
    "avatar-config": Target(run=read_config_file, seeds=configs, mutate=of_rest, codes=TABLE),
    "meshopt": Target(run=read_compressed, seeds=streams),
}
