"""Videos as files: H.264 in MP4, and VP9 with alpha in WebM."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.errors import OutputError
from renderer.output.replacement import Replacement


@dataclass(slots=True, kw_only=True, frozen=True)
class _Format:
    container: str
    codecs: tuple[str, ...]
    pixels: str
    options: dict[str, str]
    container_options: dict[str, str]


_AHEAD = 3
"""Frames that may wait for the encoder."""

FORMATS = {
    # The index goes to the front, so that a player can start before it has the whole file.
    ".mp4": _Format(
        container="mp4",
        codecs=("libx264", "libopenh264", "h264"),
        pixels="yuv420p",
        options={"preset": "veryfast", "crf": "20"},
        container_options={"movflags": "+faststart"},
    ),
    ".webm": _Format(
        container="webm",
        codecs=("libvpx-vp9",),
        pixels="yuva420p",
        options={"crf": "28", "b": "0", "deadline": "realtime", "cpu-used": "8", "row-mt": "1"},
        container_options={},
    ),
}
"""File endings that can be written; the first codec that the installed PyAV carries is taken."""


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    fps: int,
    size: tuple[int, int],
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write frames ``(h, w, 4) uint8`` (sRGB, straight alpha) as a video, by the file's ending; their number.

    MP4 has no alpha: its frames should be solid. The file appears whole or not at all.

    Args:
        size: width and height; both even, as 4:2:0 colour wants.
        progress: called with the number of frames written so far.

    Raises:
        OutputError: ``output.format``, ``output.size``, ``output.video-missing`` without PyAV, ``output.codec``
            without an encoder, ``output.unwritable``.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise OutputError(
            f"videos are not written as {path.suffix or 'a file without an ending'}",
            code="output.format",
            where=str(path),
            hint=f"use one of {', '.join(FORMATS)}",
        )
    if size[0] % 2 or size[1] % 2:
        raise OutputError(
            f"a video of {size[0]}x{size[1]} is not possible",
            code="output.size",
            where=str(path),
            hint="width and height have to be even",
        )
    av = _library(path)
    with Replacement(path) as temporary:
        try:
            return _encode(av, temporary, frames, form, fps=fps, size=size, progress=progress)
        except av.error.FFmpegError as exc:
            raise OutputError(f"the encoder stopped: {exc}", code="output.codec", where=str(path)) from exc


def _library(path: Path) -> Any:
    try:
        import av
    except ImportError as exc:
        raise OutputError(
            "videos need PyAV, which is not installed",
            code="output.video-missing",
            where=str(path),
            hint="install it with: pip install 'avatar-device-agent[video]'",
        ) from exc
    return av


def _encode(
    av: Any,
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    form: _Format,
    *,
    fps: int,
    size: tuple[int, int],
    progress: Callable[[int], None] | None,
) -> int:
    codec = next((name for name in form.codecs if name in av.codecs_available), None)
    if codec is None:
        raise OutputError(
            f"the installed PyAV has none of the encoders {', '.join(form.codecs)}",
            code="output.codec",
            where=form.container,
            hint="install PyAV's own wheel instead of the system's",
        )
    with av.open(str(path), "w", format=form.container, container_options=form.container_options) as container:
        stream = container.add_stream(codec, rate=fps, options=form.options if codec.startswith("lib") else {})
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], form.pixels
        with _Encoder(av, container, stream, form.pixels, fps=fps) as encoder:
            number = 0
            for number, picture in enumerate(frames, start=1):
                encoder.put(av.VideoFrame.from_ndarray(picture, format="rgba"))
                if progress is not None:
                    progress(number)
    return number


class _Encoder:
    """Encodes in a thread, so that the next frame is drawn meanwhile; the encoder does not need Python's lock."""

    def __init__(self, av: Any, container: Any, stream: Any, pixels: str, *, fps: int) -> None:
        from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

        context = stream.codec_context
        context.time_base = Fraction(1, fps)
        context.thread_type = "AUTO"
        # Without these tags players guess the colour matrix from the picture's height.
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        self._container, self._stream, self._fps = container, stream, fps
        self._reformatter = VideoReformatter()
        self._form: dict[str, Any] = {
            "format": pixels,
            "src_colorspace": Colorspace.ITU709,
            "dst_colorspace": Colorspace.ITU709,
            "src_color_range": ColorRange.JPEG,
            "dst_color_range": ColorRange.MPEG,
        }
        self._waiting: Queue[Any] = Queue(maxsize=_AHEAD)
        self._failed: Exception | None = None
        self._thread = Thread(target=self._work, name="video encoder", daemon=True)

    def __enter__(self) -> _Encoder:
        self._thread.start()
        return self

    def put(self, frame: Any) -> None:
        """Hand over an RGBA frame; waits while too many are waiting. Raises what the encoder stopped with."""
        if self._failed is not None:
            raise self._failed
        self._waiting.put(frame)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Wait for the last frame; where drawing failed, only for the one at work."""
        if kind is not None:
            self._failed = self._failed or EOFError()
        self._waiting.put(None)
        self._thread.join()
        if kind is None and self._failed is not None:
            raise self._failed

    def _work(self) -> None:
        for number in count():
            raw = self._waiting.get()
            if raw is None:
                break
            if self._failed is None:
                self._attempt(raw, number)
        if self._failed is None:
            self._attempt(None, 0)

    def _attempt(self, raw: Any, number: int) -> None:
        """Encode a frame, or with None the frames that the encoder holds back."""
        try:
            frame = None
            if raw is not None:
                frame = self._reformatter.reformat(raw, **self._form)
                frame.pts, frame.time_base = number, Fraction(1, self._fps)
            self._container.mux(self._stream.encode(frame))
        except Exception as error:  # noqa: BLE001 -- raised again in the thread that draws
            self._failed = error
