"""Sealed packages: their form, their key, and how they are handed out."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certs.envelope import open_sealed, unwrap_key
from device_agent.harness.ids import Ids
from device_agent.harness.packages.ranges import choose
from device_agent.harness.packages.sealing import seal_package
from device_agent.harness.packages.source import file_source
from renderer.errors import AssetError

FILES = {"metaInfo.json": b'{"name":"n","web":{"x":1}}', "character.glb": b"glb", "character.config.json": b"{}"}


def render_data(device: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(device.call("Render3dAvatar")["Data"]["RenderData"])
    return data


def test_render_data_has_exactly_the_agreed_fields(device: Any) -> None:
    data = render_data(device)
    assert list(data) == ["url", "secret", "type", "sha256", "size", "version"]
    assert data["url"] == f"http://localhost/assets/{data['sha256']}/tiny.zip"
    assert (data["type"], data["version"], len(data["secret"])) == ("AVATAR_3D_TRADITIONAL", 1, 344)
    assert render_data(device) == data  # the wrapped key too, though wrapping is random


def test_the_package_opens_with_the_licences_key_and_holds_the_files(device: Any, tiny: Any) -> None:
    data = render_data(device)
    archive = device.get(data["url"]).content
    assert (len(archive), hashlib.sha256(archive).hexdigest()) == (data["size"], data["sha256"])
    key = unwrap_key(data["secret"], private_key=device.license.private_key())
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        names = opened.namelist()
        assert names[:2] == ["tiny/", "tiny/metaInfo.json"]
        plain = {
            name.removeprefix("tiny/").removesuffix(".lm"): open_sealed(opened.read(name), key=key)
            for name in names
            if name.endswith(".lm")
        }
        listed = json.loads(opened.read("tiny/metaInfo.json"))["web"]["encrypt_list"]
    wanted = {name: data for name, data in tiny.read().items() if name != "metaInfo.json"}
    assert plain == wanted
    assert listed == sorted(wanted)
    assert not any(content in archive for content in wanted.values())


def test_each_licence_gets_its_own_wrapping(device: Any) -> None:
    world = device.world
    first = render_data(device)["secret"]
    other = world.office.issue(tenant_id=world.household.tenant_id, app_id=world.household.app_id, seats=1)
    device.call("ClientAuth", License=other.license.reveal())  # from now on this key shows the other licence
    second = render_data(device)["secret"]
    assert second != first
    keys = [unwrap_key(secret, private_key=other.license.private_key()) for secret in (first, second)]
    assert keys[0] == keys[1]  # the test's licences share one RSA key


def test_sealing_is_repeatable_and_depends_on_seed_and_content() -> None:
    first = seal_package(FILES, name="n", ids=Ids(seed="1"))
    assert seal_package(FILES, name="n", ids=Ids(seed="1")).archive == first.archive
    other_seed = seal_package(FILES, name="n", ids=Ids(seed="2"))
    other_file = seal_package(FILES | {"character.glb": b"glc"}, name="n", ids=Ids(seed="1"))
    assert len({first.content_key, other_seed.content_key, other_file.content_key}) == 3
    assert first.content_key.hex() not in repr(first)


def test_no_nonce_serves_two_entries() -> None:
    archive = seal_package({"a": b"same", "b": b"same"}, name="n", ids=Ids(seed="1")).archive
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        entries = [opened.read(f"n/{name}.lm") for name in ("a", "b")]
    assert entries[0][:12] != entries[1][:12]


def test_another_content_gets_another_version(device: Any) -> None:
    world = device.world
    assert render_data(device)["version"] == 1
    source = file_source(Path("x.glb"), code="CH_3d_tiny", name="tiny")
    for _ in range(2):  # the same content twice is one version
        world.shelf.offer(replace(source, read=lambda: FILES), tenant_id=world.household.tenant_id)
        assert render_data(device)["version"] == 2


def test_a_package_that_cannot_be_made_is_a_system_fault(device: Any, capsys: Any) -> None:
    def fail() -> dict[str, bytes]:
        raise AssetError("broken", code="asset.broken")

    world = device.world
    source = replace(file_source(Path("x.glb"), code="CH_3d_broken"), read=fail)
    world.shelf.offer(source, tenant_id=world.household.tenant_id)
    assert device.code("Render3dAvatar", Code="CH_3d_broken") == "10009999"
    assert "CH_3d_broken" in capsys.readouterr().err
    assert device.code("Render3dAvatar") == "0"


def test_an_open_package_is_taken_as_a_folder_or_a_zip(tmp_path: Path) -> None:
    folder = tmp_path / "my avatar.v1"
    folder.mkdir()
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in FILES.items():
            (folder / name).write_bytes(data)
            archive.writestr(f"root/{name}", data)
    assert file_source(folder).read() == FILES
    assert file_source(packed).read() == FILES
    assert (file_source(folder).code, file_source(folder).name) == ("CH_3d_my_avatar", "my_avatar")


@pytest.mark.parametrize("content", [b"PK\x03\x04 broken", b"", b"glTF", b"text"])
def test_what_is_no_avatar_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.glb"
    file.write_bytes(content)
    with pytest.raises(AssetError):
        file_source(file).read()


def test_a_folder_without_a_character_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="no open avatar package"):
        file_source(tmp_path).read()


E = '"tag"'


@pytest.mark.parametrize(
    ("range_header", "if_range", "if_none_match", "wanted"),
    [
        (None, None, None, (200, 0, 100)),
        ("bytes=0-", None, None, (206, 0, 100)),
        ("bytes=10-19", None, None, (206, 10, 20)),
        ("bytes=99-", None, None, (206, 99, 100)),
        ("bytes=100-", None, None, (416, 0, 0)),
        ("bytes=10-1000", None, None, (206, 10, 100)),
        ("bytes=-10", None, None, (206, 90, 100)),
        ("bytes=-1000", None, None, (206, 0, 100)),
        ("bytes=-0", None, None, (416, 0, 0)),
        ("bytes=20-10", None, None, (200, 0, 100)),
        ("bytes=-", None, None, (200, 0, 100)),
        ("bytes=0-1,5-6", None, None, (200, 0, 100)),
        ("bytes=a-b", None, None, (200, 0, 100)),
        ("items=0-1", None, None, (200, 0, 100)),
        ("bytes=" + "9" * 5000 + "-", None, None, (200, 0, 100)),
        ("bytes=10-19", E, None, (206, 10, 20)),
        ("bytes=10-19", '"other"', None, (200, 0, 100)),
        ("bytes=10-19", f"W/{E}", None, (200, 0, 100)),
        ("bytes=10-19", "Mon, 21 Sep 2026 14:13:20 GMT", None, (200, 0, 100)),
        (None, None, E, (304, 0, 0)),
        (None, None, f'"x", W/{E}', (304, 0, 0)),
        (None, None, "*", (304, 0, 0)),
        (None, None, '"x"', (200, 0, 100)),
    ],
)
def test_which_bytes_are_sent(range_header: Any, if_range: Any, if_none_match: Any, wanted: Any) -> None:
    found = choose(size=100, etag=E, range_header=range_header, if_range=if_range, if_none_match=if_none_match)
    assert (found.status, found.start, found.end) == wanted


def test_downloads_can_be_resumed(device: Any) -> None:
    data = render_data(device)
    url, tag = data["url"], f'"{data["sha256"]}"'
    whole = device.get(url)
    assert (whole.status_code, whole.headers["etag"], whole.headers["accept-ranges"]) == (200, tag, "bytes")
    assert whole.headers["content-length"] == str(data["size"])
    rest = device.get(url, range="bytes=100-", if_range=tag)
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    assert rest.headers["content-range"] == f"bytes 100-{data['size'] - 1}/{data['size']}"
    changed = device.get(url, range="bytes=100-", if_range='"old"')
    assert (changed.status_code, changed.content) == (200, whole.content)
    beyond = device.get(url, range=f"bytes={data['size']}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{data['size']}")
    head = device.get(url, "HEAD")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(data["size"]))
    assert device.get(url, if_none_match=tag).status_code == 304
    assert device.get(url, "POST").status_code == 405


@pytest.mark.parametrize("path", ["/assets/x/tiny.zip", "/assets/" + "0" * 64 + "/tiny.zip", "/assets/../state.sqlite"])
def test_only_packages_are_handed_out(device: Any, path: str) -> None:
    render_data(device)
    assert device.get(f"http://localhost{path}").status_code in (400, 404)
