"""Frames per second with full read-back, seconds from a cold process to the first picture, and of a video.

    python bench/render.py FILE|FOLDER [--size 720x1280] [--seconds 5] [--samples 4] [--camera 0..6]
                           [--vendor FOLDER [--rounds 3] [--beside PICTURE]] [--growth FRAMES]

A folder is an open avatar package and is drawn by its own camera. Prints one JSON line. ``first_frame_s`` is the time
of ``avatar-agent render`` writing one picture in a process of its own, measured before this process touches OpenGL;
``fps`` counts animated frames that were read back in full; ``video_fps`` those that an MP4 took. On a machine that does
other work at the same time, look at the processor's time (``cpu``) and not at the clock's; ``load`` tells.

With ``--vendor`` (see ``bench/vendor.py``) the vendor's own renderer shows the same avatar with shadow, HDR light,
colour table and four samples a pixel, and again without the first three, in turns with ours: ``ratio`` is the median
of the rounds' ratios. Ours reads every frame back in full, the vendor's waits for one pixel of it. ``rmse`` is between
both pictures of the same moment, inside the vendor's silhouette, 0 to 255; both first pictures are counted from the
start of a process, the vendor's also from its page's. ``--beside`` keeps what was compared: ours, the vendor's, and
four times the difference around grey, at three fifths of the size.

With ``--growth`` that many frames more are drawn and read back after another 500, and ``growth_mib`` says by how much
the resident memory of the process is larger after the last of them than before the first; ``growth_marks_mib`` says so
after every tenth part.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vendor import Vendor


def first_frame(source: Path, size: str, camera: int | None) -> tuple[float, float]:
    """Seconds of a process that imports, loads, draws and writes one picture: the clock's, the processor's."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "device_agent.cli.main", "render", str(source)]
        command += ["--out", str(Path(folder, "first.png")), "--size", size, "--json"]
        command += ["--camera", str(camera)] if camera is not None else []
        before, begin = _children(), time.perf_counter()
        # Compiled modules are kept, as they are wherever a person installs the program.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=kept)
        return time.perf_counter() - begin, _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--size", default="720x1280")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--camera", type=int)
    parser.add_argument("--vendor", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", type=Path, metavar="PICTURE", help="keep both pictures and their difference")
    parser.add_argument("--growth", type=int, default=0, metavar="FRAMES")
    parser.add_argument("--frames-only", action="store_true", help="frames per second and nothing else")
    parser.add_argument("--plain", action="store_true", help="without the package's shadow, HDR light and colour table")
    given = parser.parse_args()
    width, height = (int(part) for part in given.size.split("x"))

    beside = {"vendor": beside_the_vendor(given)} if given.vendor else {}
    cold = warm = (0.0, 0.0)
    if not given.frames_only:
        cold = first_frame(given.source, given.size, given.camera)
        warm = min(first_frame(given.source, given.size, given.camera) for _ in range(2))

    from renderer.assets import load
    from renderer.output.offscreen import Offscreen
    from renderer.output.show import show
    from renderer.scene import Look

    asset = load(given.source)
    chosen = show(asset, aspect=width / height, camera=given.camera, shadows=not given.plain)
    if given.plain:
        chosen.lighting = replace(chosen.lighting, environment=None)
        chosen.look = Look()
    with Offscreen(asset.avatar, size=(width, height), samples=given.samples) as offscreen:
        for _ in offscreen.frames(chosen.shot(i / 30) for i in range(5)):
            pass
        posing = _posing_ms(chosen.player)
        frames, begin, processor = 0, time.perf_counter(), time.process_time()

        def shots():
            index = 0
            while time.perf_counter() - begin < given.seconds:
                yield chosen.shot(index / 30)
                index += 1

        for _ in offscreen.frames(shots()):
            frames += 1
        wall, processor = time.perf_counter() - begin, time.process_time() - processor
        renderer = offscreen.context.driver
        growth = _growth(offscreen, chosen, given.growth) if given.growth else {}
        video = {} if given.frames_only else _video(offscreen, chosen, width, height)
    print(
        json.dumps(
            {
                "bench": "render",
                "source": given.source.name,
                "size": given.size,
                "samples": given.samples,
                "fps": round(frames / wall, 2),
                "frames": frames,
                "cpu_ms_per_frame": round(1000 * processor / frames, 2),
                "pose_ms": round(posing, 3),
                **video,
                **growth,
                "first_frame_s": round(warm[0], 3),
                "first_frame_cpu_s": round(warm[1], 3),
                "first_frame_first_run_s": round(cold[0], 3),
                "load": round(os.getloadavg()[0], 2),
                "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "renderer": renderer,
                **beside,
            }
        )
    )


def beside_the_vendor(given: argparse.Namespace) -> dict[str, object]:
    """Rounds of both renderers in turns."""
    from vendor import Vendor

    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        package = given.source
        if not package.is_dir():
            package = Vendor.package(given.vendor, given.source, out / "package")
        peer = Vendor(given.vendor, package, size=given.size, out=out)
        found["rmse"] = round(_difference(peer, package, given.size, out), 2)
        if given.beside:
            _side_by_side(out, given.beside)
        for name, plain in (("full", False), ("plain", True)):
            rounds = []
            for _ in range(given.rounds):
                theirs = peer.run(seconds=given.seconds, plain=plain)
                rounds.append((_ours(package, given, plain), theirs["fps"]["fps"], theirs["ms"]))
            found[name] = {
                "ours_fps": [round(ours, 2) for ours, _, _ in rounds],
                "vendor_fps": [round(theirs, 2) for _, theirs, _ in rounds],
                "ratio": round(statistics.median(ours / theirs for ours, theirs, _ in rounds), 2),
            }
            starts = ("getInstanceToFirstPixels", "navigationToFirstPixels", "browserLaunchToFirstPixels")
            found[name] |= {start: round(min(ms[start] for _, _, ms in rounds)) for start in starts}
        found["first_picture_s"] = round(min(first_frame(package, given.size, None)[0] for _ in range(3)), 3)
    return found


def _ours(package: Path, given: argparse.Namespace, plain: bool) -> float:
    """Frames a second of a process of our own."""
    command = [sys.executable, __file__, str(package), "--size", given.size, "--seconds", str(given.seconds)]
    command += ["--samples", str(given.samples), "--frames-only", *(["--plain"] if plain else [])]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["fps"])


def _difference(peer: Vendor, package: Path, size: str, out: Path) -> float:
    """Root mean square difference of both pictures at one second where the vendor's shows the avatar."""
    import numpy as np
    from PIL import Image

    peer.run(seconds=0, shot=out / "vendor.png", raw=out / "raw.png")
    command = [sys.executable, "-m", "device_agent.cli.main", "render", str(package), "--size", size, "--time", "1"]
    subprocess.run([*command, "--out", str(out / "ours.png")], check=True, stdout=subprocess.DEVNULL)
    ours, theirs = (np.asarray(Image.open(out / name).convert("RGB"), float) for name in ("ours.png", "vendor.png"))
    inside = np.asarray(Image.open(out / "raw.png").convert("RGBA"))[..., 3] > 127
    return float(np.sqrt(((ours - theirs)[inside] ** 2).mean()))


def _side_by_side(out: Path, kept: Path) -> None:
    """Ours, the vendor's, and how they differ, from the pictures that ``_difference`` left."""
    import numpy as np
    from PIL import Image

    ours, theirs = (np.asarray(Image.open(out / name).convert("RGB"), float) for name in ("ours.png", "vendor.png"))
    difference = np.clip(128 + 4 * (ours - theirs), 0, 255)
    whole = Image.fromarray(np.hstack([ours, theirs, difference]).astype(np.uint8))
    whole.resize((whole.width * 3 // 5, whole.height * 3 // 5), Image.Resampling.LANCZOS).save(kept, quality=85)


def _growth(offscreen, chosen, frames: int, settled: int = 500) -> dict[str, object]:
    """How the resident memory grows while frames are drawn."""
    marks, every = [], max(frames // 10, 1)
    for index, _ in enumerate(offscreen.frames(chosen.shot(i / 30) for i in range(settled + frames)), start=1):
        if index >= settled and (index - settled) % every == 0:
            marks.append(_resident_mib())
    return {
        "growth_frames": frames,
        "growth_mib": round(marks[-1] - marks[0], 2),
        "growth_marks_mib": [round(mark - marks[0], 2) for mark in marks],
    }


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def _video(offscreen, chosen, width: int, height: int) -> dict[str, float]:
    """Two seconds as MP4."""
    from renderer.output.video import write_video

    with tempfile.TemporaryDirectory() as folder:
        begin, processor = time.perf_counter(), time.process_time()
        shots = chosen.shots(start=0.0, seconds=2.0, fps=30)
        count = write_video(Path(folder, "v.mp4"), offscreen.frames(shots), fps=30, size=(width, height))
        wall, processor = time.perf_counter() - begin, time.process_time() - processor
    return {"video_fps": round(count / wall, 2), "video_cpu_ms_per_frame": round(1000 * processor / count, 2)}


def _posing_ms(player) -> float:
    """Milliseconds to find one pose, median of 200."""
    times = []
    for index in range(200):
        begin = time.perf_counter()
        player.pose(index / 30)
        times.append(time.perf_counter() - begin)
    return 1000 * sorted(times)[100]


if __name__ == "__main__":
    main()
