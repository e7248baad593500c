"""A machine of its own for tests: systemd as process 1 in namespaces, over a copy of this system that nobody keeps."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

SYSTEMD = Path("/lib/systemd/systemd")

_DISKLESS = (
    "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udevd-kernel.socket",
    "systemd-udevd-control.socket", "systemd-modules-load.service", "systemd-remount-fs.service",
    "systemd-networkd.service", "getty.target", "dev-hugepages.mount", "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount", "systemd-sysctl.service",
)  # fmt: skip
"""What a machine without hardware of its own does not start."""

# Not a chroot: the kernel lets nobody make a user namespace (PrivateUsers=) in one.
_BOOT = """
set -e
cd "$1"
mount --make-rprivate /
mount --bind . . ; cd "$1"
mount --bind /dev dev; mount -t devpts devpts dev/pts; mount -t tmpfs tmpfs dev/shm
mount -t proc proc proc; mount -t sysfs sysfs sys; mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run; mount -t tmpfs tmpfs tmp
mkdir -p .before; pivot_root . .before
exec chroot . sh -c 'umount -l /.before
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test \
    /lib/systemd/systemd --system --log-target=journal --show-status=false'
"""


class CannotBoot(Exception):
    """This system lets nobody boot another inside it; the text says why."""


class Machine:
    """One that runs."""

    def __init__(self, root: Path, process_one: int) -> None:
        self.root = root
        self._one = process_one

    def run(self, command: str, *, check: bool = True) -> str:
        """What a shell command says, as root on the machine."""
        inside = f"/proc/{self._one}/root"
        done = subprocess.run(
            ["nsenter", "-t", str(self._one), "-m", "-p", "-i", "-u", f"--root={inside}", f"--wd={inside}", "env", "-i",
             "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "sh", "-c", command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}"
        return done.stdout

    def until(self, wanted: Callable[[], bool], *, within_s: float = 180.0) -> None:
        """Look again and again; systemd tells nobody outside."""
        pause = threading.Event()
        for _ in range(int(within_s / 0.2)):
            if wanted():
                return
            pause.wait(0.2)
        raise AssertionError(f"not within {within_s:.0f} s: {self.run('journalctl --no-pager -o cat -n 30')}")


@contextlib.contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """A machine over this system's files; what it changes lies in memory and is gone afterwards.

    Raises:
        CannotBoot: no rights, no systemd, or no kernel that lets it.
    """
    missing = [name for name in ("unshare", "nsenter", "pivot_root") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing or not SYSTEMD.exists():
        raise CannotBoot(f"needs root, systemd and util-linux (missing: {', '.join(missing) or 'rights or systemd'})")
    _mount("-t", "tmpfs", "-o", "size=4G", "tmpfs", str(folder))
    try:
        up, work, root = (folder / name for name in ("up", "work", "root"))
        for path in (up, work, root):
            path.mkdir()
        _mount("-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={up},workdir={work}", str(root))
        try:
            with _process_one(root) as one:
                machine = Machine(root, one)
                machine.until(lambda: machine.run("systemctl is-system-running", check=False).strip() == "running")
                yield machine
        finally:
            subprocess.run(["umount", "-l", str(root)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def _process_one(root: Path) -> Iterator[int]:
    system = root / "etc/systemd/system"
    (system / "default.target").unlink(missing_ok=True)
    (system / "default.target").write_text("[Unit]\nRequires=basic.target\nAfter=basic.target\n")
    for unit in _DISKLESS:
        (system / unit).unlink(missing_ok=True)
        (system / unit).symlink_to("/dev/null")
    command = ["unshare", "-m", "-p", "-i", "-u", "--fork", "--kill-child", "sh", "-c", _BOOT, "boot", str(root)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as outer:
        try:
            yield _child_of(outer)
        finally:
            outer.send_signal(signal.SIGKILL)  # takes process 1 along, and with it everything on the machine
            outer.wait()


def _child_of(outer: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    pause = threading.Event()
    for _ in range(100):
        if outer.poll() is not None:
            said = outer.stdout.read().decode() if outer.stdout is not None else ""
            raise CannotBoot(said.strip()[-300:])
        with contextlib.suppress(OSError, ValueError, IndexError):
            child = int(children.read_text().split()[0])
            if os.readlink(f"/proc/{child}/exe").endswith("systemd"):
                return child
        pause.wait(0.1)
    raise CannotBoot("systemd did not start within 10 s")


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBoot(done.stderr.strip())
