"""Malformed files: a coded error or a usable avatar, nothing else."""

from __future__ import annotations

import json
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from renderer.assets import load
from renderer.assets.issues import TABLE
from renderer.errors import AssetError

ARCHIVES = ("gltf-validator", "vrm-addon", "assimp-gltf2", "misc")
KINDS = (".gltf", ".glb", ".vrm")

REFUSED_THOUGH_SOUND = {
    "test/base/data/asset/min_version_valid.gltf": "asset.version",  # asks for glTF 2.1
    "test/base/data/root/named_objects.gltf": "buffer.missing",  # its buffer has neither URI nor binary chunk
    "test/base/data/root/unused_objects.gltf": "buffer.missing",
}

SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""Python 3.11.2, which Debian 12 has, knows no filter."""


@pytest.fixture(scope="module")
def corpus(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All four archives, unpacked."""
    folder = tmp_path_factory.mktemp("corpus")
    for name in ARCHIVES:
        with tarfile.open(shared / "corpus" / f"{name}.tar.gz") as archive:
            archive.extractall(folder, **SAFELY)
    return folder


def outcome(path: Path) -> str:
    """The code of a refusal, or "" for an avatar that can also be posed."""
    try:
        asset = load(path)
    except AssetError as error:
        return error.code
    asset.player().pose(0.25).world(asset.avatar)
    assert all(issue.code in TABLE for issue in asset.issues)
    return ""


@pytest.mark.shared
@pytest.mark.parametrize("archive", ARCHIVES)
def test_every_file_ends_in_a_code_or_an_avatar(corpus: Path, archive: str) -> None:
    files = [path for path in sorted((corpus / archive).rglob("*")) if path.suffix in KINDS]
    assert files
    codes = {outcome(path) for path in files}
    assert codes - {""} <= set(TABLE)


@pytest.mark.shared
def test_files_without_errors_load(shared: Path, corpus: Path) -> None:
    index = json.loads((shared / "corpus/gltf-validator.index.json").read_text(encoding="utf-8"))
    sound = [entry["file"] for entry in index["files"] if not entry["errors"]]
    assert len(sound) > 100
    refused = {name: code for name in sound if (code := outcome(corpus / "gltf-validator" / name))}
    assert refused == REFUSED_THOUGH_SOUND


@pytest.mark.shared
def test_no_file_takes_more_memory_than_is_in_proportion(corpus: Path) -> None:
    worst = 0
    for path in sorted((corpus / "gltf-validator").rglob("*")):
        if path.suffix not in KINDS:
            continue
        tracemalloc.start()
        outcome(path)
        worst = max(worst, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The largest file is below 100 kB; the interpreter's own objects are most of this.
    assert worst < 2_000_000
