"""Root at a kiosk's terminal works as the user whose device it is.

The service's folders are its own user's, and whatever root wrote into them the service would refuse. So a command that
works on a device gives root up before it opens anything: what it then writes is the device's, and what it may not write
it does not. Giving up is for good; the kernel lets nobody else look into a process that did.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path


def become_owner(folder: Path) -> bool:
    """Become the owner of a device's state folder, if this is root and the folder is another user's; whether so.

    Where the program lies in somebody's home its owner could not go on loading it, and root stays what it is; the
    folder then says whose it is.
    """
    if os.geteuid() != 0:
        return False
    try:
        status = folder.lstat()
    except OSError:
        return False
    if status.st_uid == 0 or not stat.S_ISDIR(status.st_mode) or not _program_is_open_to_all():
        return False
    import pwd  # late: most commands are not root's

    groups = [status.st_gid]
    with suppress(KeyError):  # a user without a name has no further groups
        user = pwd.getpwuid(status.st_uid)
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
        os.environ["HOME"] = user.pw_dir
    os.setgroups(groups)
    os.setresgid(groups[0], groups[0], groups[0])
    os.setresuid(status.st_uid, status.st_uid, status.st_uid)
    return True


def _program_is_open_to_all() -> bool:
    """Whether everybody may enter the folders that the program and its Python are loaded from."""
    roots = {Path(place).resolve() for place in (sys.prefix, sys.base_prefix, Path(__file__).parent)}
    try:
        return all(place.stat().st_mode & 0o001 for root in roots for place in (root, *root.parents))
    except OSError:
        return False
