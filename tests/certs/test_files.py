"""Private files: modes, owners, links, what a crash or a full disk leaves, and that a write is one step."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from certs import files
from certs.errors import PrivateFileError
from certs.files import erase, open_private, private_directory, read_private, write_private


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return private_directory(tmp_path / "home")


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def refused(call: Callable[[], object]) -> PrivateFileError:
    with pytest.raises(PrivateFileError) as caught:
        call()
    return caught.value


@pytest.mark.usefixtures("loose_umask")
def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    inner = private_directory(tmp_path / "a" / "b" / "c")
    write_private(inner / "secret", b"1")
    os.close(open_private(inner / "opened", os.O_RDWR | os.O_CREAT))
    assert [mode(p) for p in (tmp_path / "a", tmp_path / "a/b", inner)] == [0o700] * 3
    assert [mode(inner / name) for name in ("secret", "opened")] == [0o600] * 2


def test_written_is_read_again(home: Path) -> None:
    for data in (b"", b"first", bytes(range(256)) * 5000, memoryview(b"view"), bytearray(b"array")):
        write_private(home / "secret", data)
        assert read_private(home / "secret") == bytes(data)
    assert os.listdir(home) == ["secret"]


def test_a_directory_that_others_can_enter_is_refused_and_not_changed(tmp_path: Path) -> None:
    for bits in (0o755, 0o750, 0o701, 0o770):
        tmp_path.chmod(bits)
        for call in (lambda: private_directory(tmp_path), lambda: write_private(tmp_path / "s", b"x")):
            error = refused(call)
            assert error.code == "file.mode"
            assert f"{bits:o}" in error.message
            assert "chmod 700" in error.hint
        assert mode(tmp_path) == bits
        assert os.listdir(tmp_path) == []
    tmp_path.chmod(0o700)


def test_a_file_that_others_can_read_is_refused(home: Path) -> None:
    write_private(home / "secret", b"x")
    for bits in (0o640, 0o604, 0o666, 0o610):
        (home / "secret").chmod(bits)
        assert refused(lambda: read_private(home / "secret")).code == "file.mode"
    (home / "secret").chmod(0o400)
    assert read_private(home / "secret") == b"x"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_a_foreign_owner_is_refused(home: Path, tmp_path: Path) -> None:
    write_private(home / "secret", b"x")
    os.chown(home / "secret", 12345, -1)
    assert refused(lambda: read_private(home / "secret")).code == "file.owner"
    link = tmp_path / "link"
    link.symlink_to(home)
    os.chown(link, 12345, -1, follow_symlinks=False)
    assert refused(lambda: private_directory(link)).code == "file.link"
    os.chown(home, 12345, -1)
    assert refused(lambda: write_private(home / "other", b"x")).code == "file.owner"
    assert refused(lambda: private_directory(home)).code == "file.owner"


def test_a_link_to_the_directory_works_if_we_made_it(home: Path, tmp_path: Path) -> None:
    """systemd gives a dynamic user's state directory as a link to /var/lib/private."""
    link = tmp_path / "link"
    link.symlink_to(home)
    write_private(private_directory(link) / "secret", b"x")
    assert read_private(home / "secret") == b"x"


def test_planted_links_pipes_and_directories_are_refused(home: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    (home / "link").symlink_to(victim)
    os.mkfifo(home / "pipe", 0o600)
    (home / "directory").mkdir(mode=0o700)
    assert refused(lambda: read_private(home / "link")).code == "file.link"
    assert refused(lambda: open_private(home / "link", os.O_RDWR | os.O_CREAT)).code == "file.link"
    assert refused(lambda: read_private(home / "pipe")).code == "file.not_file"
    assert "remove" not in refused(lambda: read_private(Path("/dev/null"))).hint, "root may do as it is told"
    assert refused(lambda: read_private(home / "directory")).code == "file.not_file"
    assert refused(lambda: write_private(home / "directory", b"x")).code == "file.not_file"
    write_private(home / "link", b"replaced")
    write_private(home / "pipe", b"replaced")
    assert victim.read_bytes() == b"untouched"
    assert (read_private(home / "link"), read_private(home / "pipe")) == (b"replaced", b"replaced")
    assert not (home / "link").is_symlink()


def test_missing_long_and_misplaced_files_are_named(home: Path) -> None:
    write_private(home / "secret", b"12345")
    missing = refused(lambda: read_private(home / "nothing"))
    assert (missing.code, missing.hint) == ("file.missing", "check the path")
    assert read_private(home / "secret", limit=5) == b"12345"
    assert refused(lambda: read_private(home / "secret", limit=4)).code == "file.long"
    assert refused(lambda: private_directory(home / "secret")).code == "file.not_directory"
    assert refused(lambda: private_directory(home / "secret" / "inner")).code == "file.not_directory"
    assert refused(lambda: write_private(home / "nowhere" / "secret", b"")).code == "file.missing"
    assert str(home / "nowhere" / "secret") in str(refused(lambda: write_private(home / "nowhere" / "secret", b"")))


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "file.full"), (errno.EROFS, "file.read_only"), (errno.EIO, "file.failed")],
)
@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_a_failed_write_keeps_the_old_content_and_leaves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, step: str
) -> None:
    write_private(home / "secret", b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(files.os, step, fail)
        assert refused(lambda: write_private(home / "secret", b"new")).code == code
    assert read_private(home / "secret") == b"old"
    assert os.listdir(home) == ["secret"]


def test_the_order_is_write_sync_rename_sync_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("fsync", "rename"):
        real = getattr(os, name)

        def record(*args: object, _name: str = name, _real: Callable[..., None] = real, **kwargs: object) -> None:
            kind = ""
            if _name == "fsync":
                kind = " directory" if stat.S_ISDIR(os.fstat(args[0]).st_mode) else " file"
            calls.append(_name + kind)
            _real(*args, **kwargs)

        monkeypatch.setattr(files.os, name, record)
    write_private(home / "secret", b"x")
    assert calls == ["fsync file", "rename", "fsync directory"]


def test_what_a_killed_writer_left_is_swept_and_erased(home: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from certs import files\n"
        "files.os.rename = lambda *a, **k: os._exit(9)\n"
        "files.write_private(Path(sys.argv[1]), b'canary')"
    )
    target = home / "secret"
    write_private(target, b"old")
    write_private(home / "secret.other", b"neighbour")
    for clean in (lambda: write_private(target, b"next"), lambda: erase(target)):
        assert subprocess.run([sys.executable, "-c", program, str(target)], check=False).returncode == 9
        left = [name for name in os.listdir(home) if name.endswith(".new")]
        assert len(left) == 1
        assert mode(home / left[0]) == 0o600
        assert read_private(target) in (b"old", b"next")
        clean()
        assert not [name for name in os.listdir(home) if name.endswith(".new")]
    assert os.listdir(home) == ["secret.other"]


def test_a_pipe_in_the_place_of_what_a_crash_left_stops_nobody(home: Path) -> None:
    os.mkfifo(home / ".secret.0.new", 0o600)
    write_private(home / "secret", b"x")
    assert os.listdir(home) == ["secret"]


@pytest.mark.parametrize("has_lock", [True, False])
def test_a_temporary_file_that_a_sweeper_took_is_made_anew(
    home: Path, monkeypatch: pytest.MonkeyPatch, has_lock: bool
) -> None:
    """Between its creation and its lock it looks like what a crash left; each try gives its descriptor back."""
    lock, taken = fcntl.flock, 0

    def swept(descriptor: int, operation: int) -> None:
        nonlocal taken
        if taken < 3:
            taken += 1
            os.unlink(os.readlink(f"/proc/self/fd/{descriptor}"))
            if has_lock:
                raise BlockingIOError
        lock(descriptor, operation)

    monkeypatch.setattr(files.fcntl, "flock", swept)
    before = os.listdir("/proc/self/fd")
    write_private(home / "secret", b"x")
    assert (taken, os.listdir("/proc/self/fd")) == (3, before)
    assert (os.listdir(home), read_private(home / "secret")) == (["secret"], b"x")


def test_many_writers_and_a_reader_see_whole_contents_only(home: Path) -> None:
    contents = [bytes([65 + n]) * 40_000 for n in range(4)]
    write_private(home / "secret", contents[0])
    problems: list[BaseException] = []

    def write(content: bytes) -> None:
        try:
            for _ in range(15):
                write_private(home / "secret", content)
        except PrivateFileError as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    seen = {read_private(home / "secret") for _ in range(60)}
    for thread in threads:
        thread.join()
    assert problems == []
    assert seen <= set(contents)
    assert os.listdir(home) == ["secret"]


def test_erase_removes_files_trees_and_links_but_not_what_links_point_to(home: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept").write_bytes(b"x")
    write_private(private_directory(home / "tree" / "deep") / "secret", b"x")
    (home / "tree" / "out").symlink_to(victim)
    (home / "link").symlink_to(victim)
    write_private(home / "file", b"x")
    for name in ("tree", "link", "file", "never-there", "never/there"):
        erase(home / name)
        erase(home / name)
    assert os.listdir(home) == []
    assert (victim / "kept").read_bytes() == b"x"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_directory_without_write_permission(home: Path) -> None:
    home.chmod(0o500)
    assert refused(lambda: write_private(home / "secret", b"x")).code == "file.denied"
    home.chmod(0o700)
