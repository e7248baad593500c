"""The zip reader against honest writers (Python's zipfile, Info-ZIP, Node) and against every lie we could think of."""

from __future__ import annotations

import io
import os
import random
import shutil
import stat
import struct
import subprocess
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.avatars import archive as archive_module
from device_agent.avatars.archive import PackageLimits, open_archive
from device_agent.errors import AgentError, ConfigurationError, PackageError

LIMITS = PackageLimits()
FIXTURE = Path(__file__).parents[2] / "certs" / "fixtures" / "package.zip"


@dataclass(kw_only=True)
class RawEntry:
    """One entry with every field open to lies; what is not given is what an honest writer would put."""

    name: bytes
    data: bytes = b""
    method: int = 0
    packed: bytes | None = None
    flags: int = 0
    size: int | None = None
    checksum: int | None = None
    attributes: int = 0o100644 << 16
    disk: int = 0
    offset: int | None = None
    local: dict[str, Any] = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        body = self.packed
        if body is None:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            body = packer.compress(self.data) + packer.flush() if self.method == 8 else self.data
        return {
            "name": self.name,
            "flags": self.flags,
            "method": self.method,
            "checksum": zlib.crc32(self.data) if self.checksum is None else self.checksum,
            "packed": len(body),
            "size": len(self.data) if self.size is None else self.size,
            "body": body,
        }


def raw_zip(entries: Iterable[RawEntry], *, prefix: bytes = b"", comment: bytes = b"", **end: int) -> bytes:
    """A zip from entries that may lie; ``end`` overrides count, length or start of the end record."""
    out, directory, count = bytearray(prefix), bytearray(), 0
    for entry in entries:
        n = entry.numbers()
        local = {**n, **entry.local}
        offset = len(out) if entry.offset is None else entry.offset
        out += struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 20, local["flags"], local["method"], 0, 0x21, local["checksum"],
            local["packed"], local["size"], len(local["name"]), 0,
        )  # fmt: skip
        out += local["name"] + n["body"]
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 0x0314, 20, n["flags"], n["method"], 0, 0x21, n["checksum"],
            n["packed"], n["size"], len(n["name"]), 0, 0, entry.disk, 0, entry.attributes, offset,
        )  # fmt: skip
        directory += n["name"]
        count += 1
    count = end.get("count", count)
    numbers = (count, end.get("here", count)), end.get("length", len(directory)), end.get("start", len(out))
    (total, here), length, start = numbers
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", end.get("disk", 0), 0, here, total, length, start, len(comment))
    return bytes(out + directory + tail + comment)


def read_all(source: bytes | Path, *, limits: PackageLimits = LIMITS, label: str = "") -> dict[str, bytes]:
    with open_archive(source, limits=limits, label=label) as archive:
        return {entry.name: archive.read(entry) for entry in archive.entries}


def refusal(source: bytes | Path, *, limits: PackageLimits = LIMITS) -> PackageError:
    with pytest.raises(PackageError) as caught:
        read_all(source, limits=limits, label="avatar.zip")
    assert caught.value.exit_status == 7
    assert "avatar.zip" in caught.value.where
    assert caught.value.hint
    return caught.value


names = st.from_regex(r"[a-zé虚][a-z0-9._-]{0,8}(/[a-z虚_][a-z0-9._-]{0,8}){0,2}", fullmatch=True)


@given(
    files=st.dictionaries(names, st.binary(max_size=400), max_size=6),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    streamed=st.booleans(),
    comment=st.binary(max_size=30),
)
def test_what_zipfile_writes_reads_back(files: dict[str, bytes], method: int, streamed: bool, comment: bytes) -> None:
    class NoSeek(io.BytesIO):
        """Makes zipfile write sizes behind the data, as streaming writers do."""

        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise io.UnsupportedOperation

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    out = NoSeek() if streamed else io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.comment = comment
    assert read_all(out.getvalue()) == files


def test_what_node_wrote_reads_back_from_memory_and_from_disk() -> None:
    with zipfile.ZipFile(FIXTURE) as archive:
        expected = {info.filename: archive.read(info) for info in archive.infolist()}
    assert len(expected) == 7
    assert read_all(FIXTURE) == expected
    assert read_all(FIXTURE.read_bytes()) == expected


@pytest.mark.skipif(not shutil.which("zip"), reason="the zip command is not installed")
@pytest.mark.parametrize("options", [["-0"], ["-9"], ["-9", "-X"]])
def test_what_info_zip_writes_reads_back(tmp_path: Path, options: list[str]) -> None:
    folder = tmp_path / "avatar"
    folder.mkdir()
    files = {"avatar/character.glb": bytes(5000), "avatar/animation.glb": random.Random(1).randbytes(3000)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    subprocess.run(["zip", "-q", "-r", *options, "out.zip", "avatar"], cwd=tmp_path, check=True)
    assert read_all(tmp_path / "out.zip") == {"avatar/": b"", **files}


def test_our_own_raw_writer_is_honest_unless_told_otherwise() -> None:
    """The lies below are told with this writer: without a lie, zipfile and we both read what it writes."""
    entries = [RawEntry(name=b"a/", attributes=0o40755 << 16), RawEntry(name=b"a/b", data=b"x" * 99, method=8)]
    made = raw_zip(entries, comment=b"made by hand")
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a/", "a/b"]
    assert read_all(made) == {"a/": b"", "a/b": b"x" * 99}


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "a/../../evil", "a/..", "..", ".", "./a", "a/./b", "/etc/passwd", "//host/share", "a//b", "",
        "C:evil", "c:/evil", "C:\\evil", "..\\evil", "a\\b", "\\\\host\\share", "a\0b", "a\nb", "a\x1b[2Jb", "a\u202eb",
        "n" * 513, "/", "a//", "../",
    ],
)  # fmt: skip
def test_names_that_leave_the_package_or_the_line_are_refused(name: str) -> None:
    made = raw_zip([RawEntry(name=b"good", data=b"x"), RawEntry(name=name.encode(), flags=0x0800)])
    error = refusal(made)
    assert error.code == "package.name"
    assert error.where.isprintable()
    assert len(error.where) < 100


def test_the_same_name_twice_is_refused() -> None:
    for first, second in [(b"a", b"a"), (b"a", b"a/"), (b"d/", b"d")]:
        made = raw_zip([RawEntry(name=name, attributes=0) for name in (first, b"other", second)])
        assert refusal(made).code == "package.duplicate"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_devices_are_refused(kind: int) -> None:
    made = raw_zip([RawEntry(name=b"a", data=b"/etc/passwd", attributes=(kind | 0o777) << 16)])
    error = refusal(made)
    assert error.code == "package.type"
    assert ("symbolic link" in error.message) == (kind == stat.S_IFLNK)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (RawEntry(name=b"a", data=b"x", flags=0x0001), "package.encrypted"),
        (RawEntry(name=b"a", data=b"x", flags=0x0041), "package.encrypted"),
        (RawEntry(name=b"a", data=b"x", flags=0x2000), "package.encrypted"),
        (RawEntry(name=b"a", data=b"x", flags=0, local={"flags": 1}), "package.structure"),
        (RawEntry(name=b"a", data=b"x", method=12), "package.method"),
        (RawEntry(name=b"a", data=b"x", method=99), "package.method"),
        (RawEntry(name=b"a", data=b"x" * 50, method=8, local={"method": 0}), "package.structure"),
        (RawEntry(name=b"a", data=b"x", local={"name": b"b"}), "package.structure"),
        (RawEntry(name=b"a", data=b"x", local={"name": b"aa"}), "package.structure"),
        (RawEntry(name=b"a", data=b"x", local={"size": 2}), "package.structure"),
        (RawEntry(name=b"a", data=b"x", local={"packed": 2}), "package.structure"),
        (RawEntry(name=b"a", data=b"x", local={"checksum": 2}), "package.structure"),
        (RawEntry(name=b"a", data=b"x", size=2), "package.structure"),
        (RawEntry(name=b"a/", data=b"x", attributes=0), "package.structure"),
        (RawEntry(name=b"a", data=b"x", disk=1), "package.structure"),
        (RawEntry(name=b"a", data=b"x", offset=5), "package.structure"),
        (RawEntry(name=b"a", data=b"x", offset=0xFFFFFFFF), "package.structure"),
        (RawEntry(name=b"a", data=b"x", checksum=7), "package.checksum"),
        (RawEntry(name=b"a", data=b"x" * 50, method=8, checksum=7), "package.checksum"),
        (RawEntry(name=b"a", data=b"x" * 50, method=8, size=49), "package.size"),
        (RawEntry(name=b"a", data=b"x" * 50, method=8, size=51), "package.checksum"),
        (RawEntry(name=b"a", data=b"x", method=8, packed=b"\xff\xff\xff"), "package.checksum"),
        (RawEntry(name=b"a", data=b"x", method=8, packed=b""), "package.checksum"),
        (RawEntry(name=b"a", data=b"", method=8, packed=b"\x03\x00trailing"), "package.checksum"),
    ],
)
def test_entries_that_lie_are_refused(entry: RawEntry, code: str) -> None:
    error = refusal(raw_zip([RawEntry(name=b"good", data=b"x"), entry]))
    assert error.code == code
    assert error.where.startswith("avatar.zip: a")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"count": 1}, "package.structure"),
        ({"count": 3}, "package.structure"),
        ({"count": 3, "here": 2}, "package.structure"),
        ({"disk": 1}, "package.structure"),
        ({"length": 0}, "package.structure"),
        ({"start": 0}, "package.structure"),
        ({"start": 0xFFFFFFFF}, "package.zip64"),
        ({"length": 0xFFFFFFFF}, "package.zip64"),
        ({"count": 0xFFFF}, "package.zip64"),
    ],
)
def test_end_records_that_lie_are_refused(changes: dict[str, int], code: str) -> None:
    assert refusal(raw_zip([RawEntry(name=b"a", data=b"x"), RawEntry(name=b"b")], **changes)).code == code


def test_what_is_no_zip_or_has_something_around_it_is_refused() -> None:
    honest = raw_zip([RawEntry(name=b"a", data=b"x")])
    for source in (b"", b"PK", b"<!DOCTYPE html>" * 20, honest[:-1], honest + b"x", honest[:30]):
        assert refusal(source).code == "package.not_zip"
    assert refusal(b"MZ" + honest).code == "package.structure"


def test_zip64_is_refused_by_name() -> None:
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    honest = raw_zip([RawEntry(name=b"a", data=b"x")])
    assert refusal(honest[:-22] + locator + honest[-22:]).code == "package.zip64"


def test_entries_that_share_bytes_are_refused() -> None:
    """The zip bombs that need no nesting: many directory entries over one piece of data."""
    one = RawEntry(name=b"a", data=b"x" * 100, method=8)
    inside = 30 + 1
    nested = raw_zip(
        [RawEntry(name=b"b", data=raw_zip([one])), RawEntry(name=b"a", data=one.data, method=8, offset=inside)]
    )
    assert refusal(nested).code == "package.overlap"
    twice = raw_zip([one, RawEntry(name=b"a", data=one.data, method=8, offset=0)])
    assert refusal(twice).code == "package.duplicate"


def bomb(size: int, *, claimed: int | None = None) -> RawEntry:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()
    return RawEntry(name=b"bomb", packed=packed, method=8, size=size if claimed is None else claimed)


def test_a_bomb_is_refused_by_what_it_says_and_by_what_it_is() -> None:
    """An honest bomb breaks a limit; one that claims to be small is stopped while it inflates, in little memory."""
    honest, lying = raw_zip([bomb(64 << 20)]), raw_zip([bomb(64 << 20, claimed=1000)])
    assert refusal(honest).code == "package.limit"
    assert "200 to 1" in refusal(honest).message
    tracemalloc.start()
    error = refusal(lying)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code == "package.size"
    assert peak < 4 << 20


@pytest.mark.parametrize(
    ("limits", "sizes", "broken"),
    [
        (PackageLimits(entries=3), [1, 1, 1], False),
        (PackageLimits(entries=3), [1, 1, 1, 1], True),
        (PackageLimits(entry=100), [100, 100], False),
        (PackageLimits(entry=100), [100, 101], True),
        (PackageLimits(total=200), [100, 100], False),
        (PackageLimits(total=200), [100, 100, 1], True),
        (PackageLimits(archive=10), [1], True),
        (PackageLimits(name=1), [1], False),
    ],
)
def test_each_limit_holds_at_its_edge(limits: PackageLimits, sizes: list[int], broken: bool) -> None:
    made = raw_zip([RawEntry(name=b"%d" % i, data=bytes(size)) for i, size in enumerate(sizes)])
    if broken:
        assert refusal(made, limits=limits).code == "package.limit"
    else:
        assert [len(data) for data in read_all(made, limits=limits).values()] == sizes


def test_a_million_entries_are_refused_before_the_directory_is_read() -> None:
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60_000, 60_000, 46 * 60_000, 0, 0)
    source = bytes(46 * 60_000) + tail
    tracemalloc.start()
    error = refusal(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code == "package.limit"
    assert "60000 entries" in error.message
    assert peak < 1 << 20
    stuffed = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46 * 60_000, 0, 0)
    assert refusal(bytes(46 * 60_000) + stuffed).code == "package.limit"


@pytest.mark.parametrize("name", ["archive", "entries", "entry", "total", "ratio", "name"])
def test_limits_are_above_zero(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        PackageLimits(**{name: 0})


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.zip", tmp_path):
        with pytest.raises(PackageError) as caught:
            read_all(path)
        assert caught.value.code == "package.file"
        assert caught.value.where


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "avatar.zip"
    path.write_bytes(raw_zip([RawEntry(name=b"a", data=b"x" * 500)]))
    with open_archive(path, limits=LIMITS) as archive:
        os.truncate(path, 100)
        with pytest.raises(PackageError) as caught:
            archive.read(archive.entries[0])
    assert (caught.value.code, caught.value.where) == ("package.structure", "avatar.zip")


def test_what_lies_behind_compressed_data_is_found_in_the_next_piece_too(monkeypatch: pytest.MonkeyPatch) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b"x" * 50) + packer.flush()
    monkeypatch.setattr(archive_module, "PIECE", len(packed))
    assert read_all(raw_zip([RawEntry(name=b"a", data=b"x" * 50, method=8, packed=packed)]))
    for more in (1, len(packed), 3 * len(packed)):
        lies = RawEntry(name=b"a", data=b"x" * 50, method=8, packed=packed + b"y" * more)
        assert refusal(raw_zip([lies])).code == "package.checksum", more


def changed_at_every_byte(good: bytes, masks: Callable[[int], Iterable[int]]) -> Iterable[bytes]:
    for position in range(len(good)):
        for mask in masks(position):
            bad = bytearray(good)
            bad[position] ^= mask
            yield bytes(bad)


def test_a_changed_byte_is_refused_or_changes_nothing() -> None:
    """Bytes that no reader needs (dates, versions) may change; the content may not, nor may we fall over."""
    entries = [RawEntry(name=b"r/a", data=b"some text, some text", method=8), RawEntry(name=b"r/b.lm", data=bytes(40))]
    good = raw_zip(entries)
    content = read_all(good)
    refused = 0
    for bad in changed_at_every_byte(good, lambda position: (0xFF, 1 << position % 8)):
        try:
            found = read_all(bad)
        except AgentError as error:
            refused += isinstance(error, PackageError)
        else:
            assert list(found.values()) == list(content.values())
    assert refused > len(good)


def test_any_truncation_is_refused() -> None:
    good = raw_zip([RawEntry(name=b"a", data=b"x" * 30, method=8), RawEntry(name=b"b", data=b"y" * 30)])
    for length in range(len(good)):
        refusal(good[:length])


@given(
    noise=st.binary(max_size=300),
    lies=st.dictionaries(
        st.sampled_from(["count", "length", "start", "here", "disk"]), st.integers(min_value=0, max_value=0xFFFF)
    ),
)
def test_noise_never_does_more_than_be_refused(noise: bytes, lies: dict[str, int]) -> None:
    for source in (noise, raw_zip([RawEntry(name=b"a", data=noise)], **lies), noise + raw_zip([], **lies)):
        with suppress(PackageError):
            assert set(read_all(source).values()) <= {noise}
