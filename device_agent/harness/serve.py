"""A stand-in that runs in this process: own thread, own event loop, a port of this machine."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from device_agent.errors import AgentError
from device_agent.harness.app import HarnessApp
from device_agent.harness.assets import MANIFEST, ROOTS
from device_agent.harness.console import Console, LicenseOrder, OfficeDesk, TimeOrder
from device_agent.harness.faults import Fault
from device_agent.harness.im.channels import LONGEST, ChannelOrder, ChannelRules
from device_agent.harness.licensing import make_key
from device_agent.harness.loopback import is_loopback
from device_agent.harness.packages.listing import Listing
from device_agent.harness.packages.source import PackageSource, file_source, sample_source
from device_agent.harness.protocol import MAX_HEAD, protocol_for
from device_agent.harness.ready import Ready
from device_agent.harness.recorder import Record
from device_agent.harness.roots import Roots
from device_agent.harness.rules import SeatRules
from device_agent.harness.server import LOOPBACK, Server, listen, netloc
from device_agent.harness.signing_key import kept_key, public_pem
from device_agent.harness.tls import TLS_FOLDER, ServerFiles, server_files
from device_agent.harness.workings import Workings
from device_agent.harness.world import Setup, World, build_world

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
PULSE_S = 0.2

ValueT = TypeVar("ValueT")


class RunningHarness:
    """A stand-in that is up; leaving the ``with`` block takes it down and removes what it kept in temporary files.

    Attributes:
        ready: addresses, keys and files, as the ready line has them.
    """

    def __init__(
        self, *, world: World, listener: socket.socket, host: str, erase: Path | None, tls: ServerFiles | None
    ) -> None:
        """Use ``start``."""
        self._world = world
        self._listener = listener
        self._erase = erase
        self._console = Console(world=world)
        self._server: Server | None = None
        self._app: HarnessApp | None = None
        self._thread: threading.Thread | None = None
        self._tls = tls
        scheme = "https" if tls else "http"
        world.origin = f"{scheme}://{netloc(host, listener.getsockname()[1])}"
        self.ready = _ready(world, tls)

    @classmethod
    def start(
        cls,
        *,
        avatars: Sequence[Path | PackageSource] = (),
        seats: int = 10,
        host: str = LOOPBACK,
        port: int = 0,
        data: Path | None = None,
        seed: str = "1",
        rules: SeatRules | Mapping[str, Any] | None = None,
        workings: Workings | None = None,
        time_source: Callable[[], float] = time.time,
        keys: Callable[[], RSAPrivateKey] = make_key,
        tls: bool = False,
    ) -> Self:
        """Start one and wait until it answers.

        Args:
            avatars: avatar files, open packages, or sources; the sample avatar when there are none. Files are packed
                before this returns, sources and the sample when they are first asked for.
            seats: seats of the licence.
            port: 0 takes a free one.
            data: folder to keep the state in; memory (and a temporary folder for files) without it.
            seed: makes ids repeatable; empty takes a fresh one.
            rules: the rules of seats, or those that differ from the usual.
            workings: how fast slow things go.
            keys: makes licence keys; tests pass a ready one to save the time.
            tls: serve HTTPS with a certificate of an authority of its own (``ready.ca_file``).

        Raises:
            ConfigurationError: the port is taken or the state cannot be opened.
            PrivateFileError: the folder cannot be used.
            AssetError: an avatar file is no avatar.
        """
        # Paths that are told to others must not depend on where this process was started.
        data = data.absolute() if data is not None else None
        listener = listen(host, port)
        erase = world = files = None
        try:
            sources = tuple(avatar if isinstance(avatar, PackageSource) else file_source(avatar) for avatar in avatars)
            if data is None:
                erase = Path(tempfile.mkdtemp(prefix="avatar-harness-"))
            world = build_world(
                Setup(
                    folder=data or erase or Path(),
                    keep=data is not None,
                    seed=seed,
                    seats=seats,
                    avatars=sources or (sample_source(),),
                    rules=rules if isinstance(rules, SeatRules) else SeatRules(**(rules or {})),
                    workings=workings or Workings(),
                    time_source=time_source,
                    keys=keys,
                )
            )
            if tls:
                # The real time: clients check the certificate against theirs, not against the stand-in's.
                files = server_files(world.folder / TLS_FOLDER, host=host, now=datetime.now(UTC))
            running = cls(world=world, listener=listener, host=host, erase=erase, tls=files)
        except BaseException:
            listener.close()
            if world is not None:
                world.close()
            _remove(erase)
            raise
        try:
            for avatar, source in zip(avatars, sources, strict=True):
                if isinstance(avatar, Path):
                    world.shelf.build(source.code)
            running._run(console_open=not is_loopback(host))
        except BaseException:
            running.stop()
            raise
        return running

    @property
    def folder(self) -> Path:
        """Where licences, packages and keys are kept; private."""
        return self._world.folder

    def has_office(self, desk: OfficeDesk, **addresses: str) -> None:
        """Let the ready line tell of a registration office, and the console give it orders."""
        self.ready = msgspec.structs.replace(self.ready, **addresses)
        self._console.office = desk

    def sign_content(self) -> None:
        """Serve a signed list of the packages from now on; the ready line tells where, and by whose key.

        Raises:
            PrivateFileError: the folder cannot be used.
        """
        world = self._world
        listing = Listing(
            shelf=world.shelf,
            clock=world.clock,
            folder=world.folder,
            tenant_id=world.household.tenant_id,
            app_id=world.household.app_id,
        )
        world.listing = listing
        self.ready = msgspec.structs.replace(
            self.ready,
            content_manifest=world.origin + MANIFEST.decode(),
            content_keys=str(listing.keys_file),
        )

    def root_keys(self) -> None:
        """Serve a root of the keys that sign lists and orders, from now on; the ready line tells where. After
        ``sign_content`` and ``has_office``, whose keys it names.

        Raises:
            PrivateFileError: the folder cannot be used.
        """
        world, household, ready = self._world, self._world.household, self.ready
        content, order = (
            Path(file).read_bytes() if file else public_pem(kept_key(world.folder / f"{name}-key.pem"))
            for name, file in (("content", ready.content_keys), ("order", ready.order_keys))
        )
        world.roots = Roots(
            world.folder, tenant_id=household.tenant_id, app_id=household.app_id, content=content, order=order,
            now=datetime.fromtimestamp(world.clock.now(), tz=UTC),
        )  # fmt: skip
        self.ready = msgspec.structs.replace(ready, root=str(world.roots.first), root_url=world.origin + ROOTS)

    def seats(self) -> list[dict[str, object]]:
        """Every seat that is taken."""
        return self._on_loop(self._console.seats)

    def calls(self, *, operation: str = "", since: int = 0) -> list[Record]:
        """What was asked and answered, oldest first."""
        return self._on_loop(lambda: self._console.calls(operation=operation, since=since))

    def fault(self, kind: str, **facts: Any) -> int:
        """Order a fault (the fields of ``Fault``); its id."""
        return self._on_loop(lambda: self._console.order_fault(Fault(kind=kind, **facts))).fault_id  # type: ignore[arg-type]

    def lift_faults(self) -> None:
        """Take every fault out of force."""
        self._on_loop(self._console.lift_faults)

    def deliver_late(self) -> int:
        """Let the calls that a fault made late arrive now; how many there were."""
        if self._app is None:
            raise AgentError("the harness is not running", code="harness.stopped")
        return self._finish(self._app.deliver_late())

    def channel(self, **order: Any) -> int:
        """Let something happen on every open channel (the fields of ``ChannelOrder``); how many there were."""
        return self._on_loop(lambda: self._world.channels.order(ChannelOrder(**order)))

    def channels(self) -> dict[str, Any]:
        """The drive channels that are open (``open``), and what came on them (``messages``)."""
        return self._on_loop(self._console.channels)

    def channel_rules(self, **changes: Any) -> ChannelRules:
        """Change rules of channels; those in force afterwards."""
        return self._on_loop(lambda: self._console.channel_rules(changes))

    def rules(self, **changes: Any) -> SeatRules:
        """Change rules of seats; those in force afterwards."""
        return self._on_loop(lambda: self._console.rules(changes))

    def move_time(self, seconds: float) -> None:
        """Let seconds pass at once."""
        self._on_loop(lambda: self._console.move_time(TimeOrder(move=seconds)))

    def issue_license(self, *, seats: int = 10, app_id: str = "") -> dict[str, Any]:
        """One more licence (its file under ``license_file``), for a new application when ``app_id`` is unknown."""
        return self._finish(self._console.issue_license(LicenseOrder(seats=seats, app_id=app_id)))

    def with_world(self, act: Callable[[World], ValueT]) -> ValueT:
        """Do something with the state, in the thread that it belongs to."""
        return self._on_loop(lambda: act(self._world))

    def reset(self) -> None:
        """Forget what happened."""
        self._on_loop(self._console.reset)

    def warm(self) -> None:
        """Pack every avatar now rather than when it is first asked for.

        Raises:
            AssetError: a source is no avatar.
        """
        for code in self._on_loop(self._world.shelf.pending):
            made = self._world.shelf.seal(code)
            self._on_loop(lambda made=made: self._world.shelf.keep(made))  # type: ignore[misc]

    def stop(self) -> None:
        """Take it down; a second call does nothing."""
        if self._thread is not None and self._server is not None:
            self._server.stop()
            self._thread.join(STOP_TIMEOUT_S)
            self._thread = None
        self._listener.close()
        self._world.close()
        _remove(self._erase)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, *, console_open: bool) -> None:
        app = self._app = HarnessApp(world=self._world, console=self._routes, console_open=console_open)
        config = uvicorn.Config(
            app,
            http=protocol_for(app),
            ws="wsproto",
            ws_max_size=LONGEST,
            ws_ping_interval=None,
            lifespan="off",
            interface="asgi3",
            loop="asyncio",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            h11_max_incomplete_event_size=MAX_HEAD,
            ssl_certfile=self._tls.certificate if self._tls else None,
            ssl_keyfile=self._tls.key if self._tls else None,
        )
        self._server = Server(config, pulse=self._pulse)
        self._thread = threading.Thread(
            target=self._server.run_here, args=(self._listener,), name="avatar-harness", daemon=True
        )
        self._thread.start()
        if not self._server.up.wait(START_TIMEOUT_S) or self._server.failure is not None:
            raise AgentError("the harness did not come up", code="harness.start") from self._server.failure

    async def _pulse(self) -> None:
        """Tell of what time brings about, for whoever wants to be told."""
        while True:
            await asyncio.sleep(PULSE_S)
            if self._world.store.value("SELECT 1 FROM callback_addresses LIMIT 1"):
                self._console.let_time_tell()

    def _routes(self) -> Any:
        from device_agent.harness.console_routes import console_app  # late: Starlette is needed by the console alone

        return console_app(self._console, ready=lambda: self.ready)

    def _on_loop(self, act: Callable[[], ValueT]) -> ValueT:
        async def run() -> ValueT:
            return act()

        return self._finish(run())

    def _finish(self, work: Coroutine[Any, Any, ValueT]) -> ValueT:
        if self._server is None or self._server.loop is None or not self._server.loop.is_running():
            work.close()
            raise AgentError("the harness is not running", code="harness.stopped")
        return asyncio.run_coroutine_threadsafe(work, self._server.loop).result(60)


def _ready(world: World, tls: ServerFiles | None) -> Ready:
    household = world.household
    return Ready(
        endpoint=world.origin,
        im_url=f"ws{world.origin.removeprefix('http')}/ws",
        admin_url=f"{world.origin}/_harness",
        access_key_id=household.access_key_id,
        access_key_secret=household.access_key_secret,
        tenant_id=household.tenant_id,
        app_id=household.app_id,
        license_file=str(household.license_file),
        avatar_codes=world.shelf.codes(),
        ca_file=str(tls.ca_file) if tls else "",
    )


def _remove(folder: Path | None) -> None:
    for _ in range(3):  # a package that is just being written may put its file into a folder that is being emptied
        if folder is not None and folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
