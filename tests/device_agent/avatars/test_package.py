"""Packages opened into memory: root folder, sealed entries, keys, and what a changed byte does."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import traceback
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from certs.envelope import wrap_key
from certs.errors import LicenseError
from certs.license import License
from device_agent.avatars.archive import PIECE
from device_agent.avatars.package import PackageLimits, check_opens, check_package, content_key, open_package
from device_agent.avatars.render_data import RenderData
from device_agent.errors import PackageError

FIXTURES = Path(__file__).parents[2] / "certs" / "fixtures"
KEY = bytes(range(32))
SECRET = base64.b64encode(KEY).decode()
Make = Callable[..., bytes]


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    return json.loads((FIXTURES / "expected.json").read_text())


def data_with(secret: str) -> RenderData:
    return RenderData.parse(json.dumps({"url": "https://content.example/a.zip", "secret": secret}))


def refusal(call: Callable[[], object]) -> PackageError:
    with pytest.raises(PackageError) as caught:
        call()
    return caught.value


def test_the_package_that_webcrypto_sealed_opens_with_its_licence(theirs: dict[str, Any]) -> None:
    licence = License.load(FIXTURES / "licence.txt")
    data = data_with(theirs["secret"])
    for source in (FIXTURES / "package.zip", str(FIXTURES / "package.zip"), (FIXTURES / "package.zip").read_bytes()):
        files = open_package(source, key=content_key(data, licence))
        assert {name: hashlib.sha256(plain).hexdigest() for name, plain in files.items()} == theirs["plain_sha256"]


def test_opening_leaves_nothing_on_disk(
    theirs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TMPDIR", "TEMP", "TMP", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    opened: list[int] = []
    real = os.open
    monkeypatch.setattr(
        os, "open", lambda path, flags, *rest, **more: opened.append(flags) or real(path, flags, *rest, **more)
    )
    open_package(FIXTURES / "package.zip", key=base64.b64decode(theirs["content_key"]))
    assert len(opened) == 1
    assert opened[0] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) == 0
    assert os.listdir(tmp_path) == []


def test_the_worked_example(sealed: Make, zipped: Make) -> None:
    """The package that the format's description gives (docs/formats/avatar-package.md)."""
    entry = sealed(b"glTF-demo-bytes", 1)
    assert entry.hex() == "00000000000000000000000172baebba699055736103334098c3497157148cbaecf294d0f0bef984d3da24"
    config = b'{"a": 1}'
    made = zipped(
        {
            "avatar_demo/": b"",
            "avatar_demo/metaInfo.json": b'{"web":{"encrypt_list":["character.glb","character.config.json"]}}',
            "avatar_demo/character.glb.lm": entry,
            "avatar_demo/animation.glb": b"glTF",
            "avatar_demo/character.config.json.lm": sealed(config, 2),
            "avatar_demo/animation.config.json": b"{}",
            "avatar_demo/motion.config.json": b"{}",
        }
    )
    files = open_package(made, key=content_key(data_with("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), None))
    assert set(files) == {
        "metaInfo.json", "character.glb", "animation.glb",
        "character.config.json", "animation.config.json", "motion.config.json",
    }  # fmt: skip
    assert files["character.glb"] == b"glTF-demo-bytes"
    assert files["character.config.json"] == config


@given(
    plain=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}\.(glb|json|png)", fullmatch=True), st.binary(max_size=300), min_size=1
    ),
    hidden=st.sets(st.integers(0, 9)),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    root=st.sampled_from(["", "avatar/"]),
)
def test_what_is_sealed_and_packed_opens_again(
    sealed: Make, zipped: Make, plain: dict[str, bytes], hidden: set[int], method: int, root: str
) -> None:
    entries = {root + "metaInfo.json.lm": sealed(b"{}", 99)}
    for number, (name, data) in enumerate(plain.items()):
        entries[root + name + (".lm" if number in hidden else "")] = sealed(data, number) if number in hidden else data
    made = zipped(entries, method=method)
    assert open_package(made, key=KEY) == {**plain, "metaInfo.json": b"{}"}
    assert check_opens(made, key=KEY) == len(plain) + 1


def test_a_flipped_byte_at_any_position_of_a_sealed_entry_is_refused(sealed: Make, zipped: Make) -> None:
    """Also when the zip's own checksum has been made to fit, as an attacker would."""
    entry = sealed(b"glTF-demo-bytes")
    codes = set()
    for position in range(len(entry)):
        changed = bytearray(entry)
        changed[position] ^= 0x20
        made = zipped({"r/character.config.json": b"{}", "r/character.glb.lm": bytes(changed)})
        for opens in (open_package, check_opens):
            error = refusal(lambda made=made, opens=opens: opens(made, key=KEY, label="avatar.zip"))
            codes.add((error.code, error.where, error.exit_status))
        damaged = zipped({"r/character.config.json": b"{}", "r/character.glb.lm": entry}).replace(entry, bytes(changed))
        assert refusal(lambda made=damaged: open_package(made, key=KEY)).code == "package.checksum"
    assert codes == {("envelope.tag", "avatar.zip: r/character.glb.lm", 7)}


@pytest.mark.parametrize("length", [0, 11, 27])
def test_a_sealed_entry_that_is_too_short(zipped: Make, length: int) -> None:
    made = zipped({"metaInfo.json": b"{}", "a.lm": bytes(length)})
    for opens in (open_package, check_opens):
        assert refusal(lambda opens=opens: opens(made, key=KEY)).code == "envelope.short"


def test_another_key_opens_nothing_and_a_key_of_another_length_neither(sealed: Make, zipped: Make) -> None:
    made = zipped({"metaInfo.json": b"{}", "a.lm": sealed(b"x")})
    for opens in (open_package, check_opens):
        assert refusal(lambda opens=opens: opens(made, key=bytes(32))).code == "envelope.tag"
        assert refusal(lambda opens=opens: opens(made, key=bytes(24))).code == "envelope.key"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 7])
def test_entries_around_the_size_of_a_piece(sealed: Make, zipped: Make, method: int, size: int) -> None:
    plain = {"run.glb": bytes(size), "mixed.glb": random.Random(size).randbytes(size // 3) * 3}
    made = zipped({"metaInfo.json": b"{}", **plain, "a.lm": sealed(bytes(size))}, method=method)
    assert open_package(made, key=KEY) == {"metaInfo.json": b"{}", **plain, "a": bytes(size)}
    assert check_opens(made, key=KEY) == 4


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_to_know_that_it_opens_takes_little_memory(sealed: Make, zipped: Make, tmp_path: Path, method: int) -> None:
    """An avatar's largest file has tens of megabytes, and what an allocator was asked for once it keeps."""
    file = tmp_path / "package.zip"
    data = random.Random(1).randbytes(PIECE) * 128
    file.write_bytes(zipped({"metaInfo.json": b"{}", "a.glb": data, "b.glb.lm": sealed(data)}, method=method))
    check_opens(file, key=KEY)  # what is loaded for the first time is not counted
    tracemalloc.start()
    try:
        for check in (lambda: check_opens(file, key=KEY), lambda: check_package(file)):
            tracemalloc.reset_peak()
            check()
            assert tracemalloc.get_traced_memory()[1] < 16 * PIECE < len(data) / 4
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["metaInfo.json", "a.glb"], {"metaInfo.json", "a.glb"}),
        (["r/metaInfo.json", "r/a.glb"], {"metaInfo.json", "a.glb"}),
        (["r/", "r/character.config.json", "r/deep/", "r/deep/a.glb"], {"character.config.json", "deep/a.glb"}),
        (["__MACOSX/", "__MACOSX/r/._a.glb", "__MACOSX/._r", "r/metaInfo.json", "r/a.glb"], {"metaInfo.json", "a.glb"}),
        (["other/", "other/readme.txt", "r/metaInfo.json", "r/a.glb"], {"metaInfo.json", "a.glb"}),
        ([".DS_Store", "r/metaInfo.json", "r/a.glb"], {"metaInfo.json", "a.glb"}),
        (["deep/er/metaInfo.json", "top.glb"], {"deep/er/metaInfo.json", "top.glb"}),
        (["r/media.zip", "r/model_tfjs.zip", "__MACOSX/._r"], {"media.zip", "model_tfjs.zip"}),
        (["media.zip", "model_tfjs.zip"], {"media.zip", "model_tfjs.zip"}),
        (["a/media.zip", "b/model_tfjs.zip"], {"a/media.zip", "b/model_tfjs.zip"}),
    ],
)
def test_the_root_folder_is_found(zipped: Make, names: list[str], found: set[str]) -> None:
    assert set(open_package(zipped({name: b"" if name[-1] == "/" else b"x" for name in names}), key=KEY)) == found


def test_a_root_by_sealed_names_only(sealed: Make, zipped: Make) -> None:
    made = zipped({"r/character.config.json.lm": sealed(b"{}"), "r/a.glb": b"x", "s/b": b"y"})
    assert open_package(made, key=KEY) == {"character.config.json": b"{}", "a.glb": b"x"}


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["a/metaInfo.json", "b/character.config.json"], "package.root"),
        (["metaInfo.json", "b/metaInfo.json.lm"], "package.root"),
        ([], "package.empty"),
        (["r/"], "package.empty"),
        (["metaInfo.json", ".lm"], "package.name"),
        (["r/metaInfo.json", "r/deep/.lm"], "package.name"),
    ],
)
def test_packages_without_a_clear_root_or_names(zipped: Make, names: list[str], code: str) -> None:
    made = zipped({name: b"" if name[-1] == "/" else bytes(40) for name in names})
    assert refusal(lambda: open_package(made, key=KEY)).code == code


def test_the_sealed_twin_wins_as_in_the_vendors_reader(sealed: Make, zipped: Make) -> None:
    for names in (["a.glb", "a.glb.lm"], ["a.glb.lm", "a.glb"]):
        made = zipped({"metaInfo.json": b"{}", **{n: sealed(b"sealed") if n[-1] == "m" else b"open" for n in names}})
        assert open_package(made, key=KEY)["a.glb"] == b"sealed"


def test_what_lies_outside_the_root_is_not_even_read(sealed: Make, zipped: Make) -> None:
    made = zipped({"r/metaInfo.json": b"{}", "__MACOSX/a.lm": b"not sealed at all", "s/b": b"DAMAGED"})
    made = made.replace(b"DAMAGED", b"damaged")
    assert open_package(made, key=KEY) == {"metaInfo.json": b"{}"}
    assert refusal(lambda: check_package(made)).code == "package.checksum"


def test_limits_come_from_the_caller(zipped: Make) -> None:
    made = zipped({"metaInfo.json": b"{}", "a": bytes(100)})
    assert refusal(lambda: open_package(made, key=KEY, limits=PackageLimits(entry=99))).code == "package.limit"
    assert refusal(lambda: check_package(made, limits=PackageLimits(entries=1))).code == "package.limit"
    check_package(made)


def test_the_content_key_bare_or_wrapped() -> None:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    licence = License.issue(private_key, prefix="p" * 64)
    for key in (KEY, KEY[:16]):
        bare = data_with(base64.b64encode(key).decode())
        wrapped = data_with(wrap_key(key, public_key=private_key.public_key()))
        assert content_key(bare, None) == content_key(bare, licence) == content_key(wrapped, licence) == key
        error = refusal(lambda data=wrapped: content_key(data, None))
        assert error.code == "package.license"
        assert "license_file" in error.hint


def test_secrets_that_give_no_key(theirs: dict[str, Any]) -> None:
    licence = License.issue(rsa.generate_private_key(public_exponent=65537, key_size=2048), prefix="p" * 64)
    cases = {
        "": "envelope.base64",
        "%%%": "envelope.base64",
        base64.b64encode(bytes(24)).decode(): "envelope.wrapped",
        theirs["secret"]: "envelope.wrapped",
    }
    for secret, code in cases.items():
        error = refusal(lambda secret=secret: content_key(data_with(secret), licence))
        assert (error.code, error.where, error.exit_status) == (code, "RenderData", 7)
    with pytest.raises(LicenseError):
        content_key(data_with(theirs["secret"]), License.parse("too-short"))


def test_no_traceback_shows_key_or_secret(sealed: Make, zipped: Make, theirs: dict[str, Any]) -> None:
    licence = License.load(FIXTURES / "licence.txt")
    key = content_key(data_with(theirs["secret"]), licence)
    made = zipped({"metaInfo.json": b"{}", "a.lm": bytes(60)})
    errors = [
        refusal(lambda: open_package(made, key=key)),
        refusal(lambda: content_key(data_with(theirs["secret"]), None)),
        refusal(lambda: content_key(data_with("c4n4ry" + theirs["secret"]), licence)),
    ]
    for error in errors:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        chain = [frames]
        while chain[-1].__cause__ is not None:
            chain.append(chain[-1].__cause__)
        ours = [f for link in chain for f in link.stack if "tests" not in f.filename]
        shown = "".join(map(str, (f.locals for f in ours))) + str(error)
        assert ours
        for canary in (repr(bytes(key)), theirs["content_key"], theirs["secret"], "c4n4ry", licence.reveal()[64:]):
            assert canary not in shown
