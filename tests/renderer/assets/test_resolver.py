"""Names that leave the folder are refused, whatever their spelling."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from renderer.assets import load
from renderer.assets.limits import Limits
from renderer.assets.resolver import Files, Folder, decode_data_uri
from renderer.errors import AssetError

LIMITS = Limits(source_bytes=100)


def code_of(folder: Folder | Files, uri: str) -> str:
    with pytest.raises(AssetError) as caught:
        folder.read(uri, where="/buffers/0")
    return caught.value.code


@pytest.mark.parametrize(
    "uri",
    [
        "../secret",
        "a/../../secret",
        "%2e%2e/secret",
        "..%2Fsecret",
        "/etc/passwd",
        "%2Fetc/passwd",
        "file:///etc/passwd",
        "http://localhost/x",
        "//host/x",
        "..\\secret",
        "C:/x",
        "",
        "a\0b",
    ],
)
def test_outside(tmp_path: Path, uri: str) -> None:
    root = tmp_path / "asset"
    root.mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    assert code_of(Folder(root, limits=LIMITS), uri) == "resource.outside"
    assert code_of(Files({"secret": b""}), uri) == "resource.outside"


def test_a_link_that_leads_out_is_outside(tmp_path: Path) -> None:
    root = tmp_path / "asset"
    root.mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "link").symlink_to(tmp_path / "secret")
    assert code_of(Folder(root, limits=LIMITS), "link") == "resource.outside"


def test_names_inside(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "ü#.bin").write_bytes(b"data")
    folder = Folder(tmp_path, limits=LIMITS)
    for uri in ("a%20b/%C3%BC%23.bin", "a b/ü%23.bin", "./x/../a%20b/ü%23.bin?v=2#part"):
        assert folder.read(uri, where="") == b"data"


def test_missing_directories_and_large_files(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(101))
    (tmp_path / "folder").mkdir()
    folder = Folder(tmp_path, limits=LIMITS)
    assert code_of(folder, "absent.bin") == "resource.missing"
    assert code_of(folder, "folder") == "resource.missing"
    assert code_of(folder, "x" * 5000) == "resource.missing"
    assert code_of(folder, "large") == "source.too-large"


@pytest.mark.parametrize(
    ("uri", "mime", "data"),
    [
        ("data:application/octet-stream;base64,AAEC", "application/octet-stream", b"\0\1\2"),
        ("data:;base64,AAECAw", "", b"\0\1\2\3"),
        ("DATA:image/png;charset=x;base64,AAEC", "image/png", b"\0\1\2"),
        ("data:text/plain,a%20b", "text/plain", b"a b"),
    ],
)
def test_data_uris(uri: str, mime: str, data: bytes) -> None:
    assert decode_data_uri(uri, where="") == (mime, data)


@pytest.mark.parametrize("uri", ["data:;base64", "data:;base64,A", "data:;base64,AA*A", "data:;base64,é"])
def test_broken_data_uris(uri: str) -> None:
    with pytest.raises(AssetError) as caught:
        decode_data_uri(uri, where="")
    assert caught.value.code == "resource.data-uri"


def test_bytes_alone_cannot_refer_to_files() -> None:
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": 4, "uri": "/etc/hostname"}],
        "bufferViews": [{"buffer": 0, "byteLength": 4}],
        "accessors": [{"bufferView": 0, "componentType": 5121, "count": 4, "type": "SCALAR"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
    }
    with pytest.raises(AssetError) as caught:
        load(json.dumps(document).encode())
    assert caught.value.code == "resource.missing"
