"""Taking the display apart, before anything is drawn: a process with the device's keys, and one that draws.

The second is this one. It reads no settings and no state, and once it has been told where those are it can not reach
them any more. Nothing of what draws may be loaded before that: its libraries start threads, which would stay free.
"""

from __future__ import annotations

import functools
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from certs.errors import PrivateFileError
from certs.files import private_directory
from device_agent.cli.given import load_settings
from device_agent.cli.owner import become_owner
from device_agent.clock import SystemClock
from device_agent.display.channel import Channel
from device_agent.display.confinement import hide, not_to_be_looked_into
from device_agent.display.opener_client import OpenerClient
from device_agent.display.place import run_folder
from device_agent.service.lines import Lines


@dataclass(frozen=True, kw_only=True)
class Apart:
    """The process that draws.

    Attributes:
        opener: the other one.
        hidden: what was put out of this one's reach; ``None`` where that is not possible here.
        folder: where notes are kept, there and private; ``None`` keeps them in memory.
    """

    opener: OpenerClient
    hidden: frozenset[Path] | None
    folder: Path | None


def set_apart(config: Path | None, *, state_dir: Path | None, cache_dir: Path | None) -> Apart:
    """Start the opener, and give up what only it needs.

    Raises:
        StateError: the opener ended before it said anything.
    """
    if config is None and os.environ.get("AVATAR_AGENT_CONFIG"):
        config = Path(os.environ["AVATAR_AGENT_CONFIG"])
    looks, its_looks = Channel.pair()
    opens, its_opens = Channel.pair()
    if os.fork() == 0:
        looks.close()
        opens.close()
        _serve(its_looks, its_opens, config, state_dir=state_dir, cache_dir=cache_dir)
    its_looks.close()
    its_opens.close()
    opener = OpenerClient(looks=looks, opens=opens, steady=SystemClock().steady)
    opener.look()
    if opener.state_dir is not None:
        become_owner(opener.state_dir)
    folder = _run_folder(opener.state_dir)
    places = opener.places
    hidden = places if hide(places, kept=[] if folder is None else [folder]) else None
    return Apart(opener=opener, hidden=hidden, folder=folder)


def _serve(
    looks: Channel, opens: Channel, config: Path | None, *, state_dir: Path | None, cache_dir: Path | None
) -> NoReturn:
    """The other process: it ends with the one that draws, and by nothing else that it is told."""
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        not_to_be_looked_into()
        from device_agent.display.opener import Opener  # late, as what opens packages is of no use where they are drawn
        from device_agent.display.places import secret_places
        from device_agent.display.state import Watcher

        load = functools.partial(load_settings, config, state_dir=state_dir, cache_dir=cache_dir)
        watcher = Watcher(load_settings=load, config=config, steady=SystemClock().steady)
        places = functools.partial(secret_places, config=config, environ=os.environ)
        Opener(watcher=watcher, places=places, looks=looks, opens=opens).serve()
        status = 0
    except Exception as error:  # noqa: BLE001 -- the last that is heard of it
        Lines().error("opener ended", error=type(error).__name__, message=str(error))
    finally:
        os._exit(status)


def _run_folder(state_dir: Path | None) -> Path | None:
    named = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if named:
        return Path(named)
    with suppress(PrivateFileError):
        folder = None if state_dir is None else run_folder(state_dir, os.environ)
        return None if folder is None else private_directory(folder)
    return None
