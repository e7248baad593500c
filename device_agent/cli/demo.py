"""``avatar-agent demo``: the whole main job against a harness in this process, from nothing to a picture and back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from device_agent.cli import options, present
from device_agent.cli.step_table import StepTable

if TYPE_CHECKING:
    from device_agent.harness.serve import RunningHarness
    from device_agent.lifecycle.observe import Watch

FPS = 30
STATE, CACHE = "state", "cache"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    avatar: Annotated[
        Path | None, typer.Option(help="Avatar to show (.glb, .vrm, open package); default: our own.", metavar="FILE")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the picture and the video go.", metavar="DIR")] = Path("out"),
    seconds: Annotated[float, typer.Option(help="Length of the video.", min=0.1, max=600.0)] = 3.0,
    as_json: options.Json = False,
) -> None:
    """The whole main job against a local harness: licence, seat, package, picture, video, seat back, all erased."""
    from device_agent.clock import SystemClock
    from device_agent.lifecycle.observe import Watch
    from renderer.output.replacement import writable_folder

    writable_folder(out)
    picture, video = out / "preview.png", out / "preview.mp4"
    with StepTable(quiet=as_json) as table:
        watch = Watch(clock=SystemClock(), observer=table.add)
        with tempfile.TemporaryDirectory(prefix="avatar-demo-") as folder, _harness(avatar, watch=watch) as harness:
            device_id = _life(Path(folder), harness, picture, video, seconds=seconds, watch=watch, table=table)
            with watch.step("harness") as note:
                held = len(harness.seats())
                note.result = f"{held} seats held"
    if as_json:
        present.put_json(
            {
                "device_id": device_id,
                "picture": str(picture),
                "video": str(video),
                "seats_held": held,
                "steps": present.steps_as_facts(table.steps),
            }
        )
        return
    present.put("")
    present.put(f"picture  {picture}")
    present.put(f"video    {video}")
    present.put(f"seats    {held} held")


@contextmanager
def _harness(avatar: Path | None, *, watch: Watch) -> Iterator[RunningHarness]:
    """A harness with one seat and one avatar, packed and sealed."""
    with watch.step("harness") as note:
        from device_agent.harness.serve import RunningHarness

        running = RunningHarness.start(avatars=() if avatar is None else (avatar,), seats=1, seed="")
        note.result = f"{running.ready.endpoint}, 1 seat, avatar {running.ready.avatar_codes[0]}"
    with running:
        running.warm()
        yield running


def _life(
    folder: Path,
    harness: RunningHarness,
    picture: Path,
    video: Path,
    *,
    seconds: float,
    watch: Watch,
    table: StepTable,
) -> str:
    """The device's way from nothing to the pictures and back to nothing; its id."""
    from certs.license import License
    from device_agent.cli import journey
    from device_agent.config import Settings
    from device_agent.harness.ready import write_settings
    from device_agent.lifecycle.engine import Engine

    ready = harness.ready
    with watch.step("licence") as note:
        write_settings(folder / "agent.toml", ready)
        settings = Settings.load(folder / "agent.toml", environ={}, overrides={})
        note.result = f"{License.load(Path(ready.license_file)).fingerprint} for application {ready.app_id}"
    code = ready.avatar_codes[0]
    with Engine.open(settings, observer=table.add) as engine:
        with table.download(code) as progress:
            journey.acquire(engine, code, progress=progress)
        device_id = engine.record.device_id
        with journey.opened(settings, code, watch=watch) as scenery:
            journey.take_picture(scenery, picture, watch=watch)
            with table.frames(video.name, round(seconds * FPS)) as drawn:
                journey.take_video(scenery, video, seconds=seconds, fps=FPS, watch=watch, drawn=drawn)
        engine.unbind()
    return device_id
