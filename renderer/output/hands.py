"""Mouse and keys of a window: what GLFW reports, as what a person wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from renderer.output.panel import Panel


@dataclass(slots=True, kw_only=True, frozen=True)
class Wishes:
    """What hands can ask for.

    Attributes:
        turn, move: by shares of the window's height, to the right and down.
        zoom: steps nearer.
        camera: one of the platform's, by number.
        key: a letter or the name of another key, in lower case.
        drop: files.
    """

    turn: Callable[[float, float], None]
    move: Callable[[float, float], None]
    zoom: Callable[[float], None]
    camera: Callable[[int], None]
    key: Callable[[str], None]
    drop: Callable[[list[Path]], None]
    resize: Callable[[int, int], None]


class Hands:
    """Listens to one window: the panel first, then the avatar behind it.

    Args:
        units: screen units for each of the window's own measures; the panel is measured in units.
    """

    def __init__(self, glfw: Any, handle: Any, *, panel: Panel, wishes: Wishes, units: Callable[[], float]) -> None:
        self._glfw, self._panel, self._wishes, self._units = glfw, panel, wishes, units
        self._pointer: tuple[float, float] | None = None
        self._held, self._shifted = -1, False
        names = ("SPACE", "TAB", "ESCAPE", *"FHNQRS")
        self._keys = {getattr(glfw, f"KEY_{name}"): name.lower() for name in names}
        glfw.set_key_callback(handle, self._on_key)
        glfw.set_mouse_button_callback(handle, self._on_button)
        glfw.set_cursor_pos_callback(handle, self._on_move)
        glfw.set_scroll_callback(handle, self._on_wheel)
        glfw.set_framebuffer_size_callback(handle, lambda _window, width, height: wishes.resize(width, height))
        glfw.set_drop_callback(handle, lambda _window, paths: wishes.drop([Path(path) for path in paths]))

    def _on_key(self, _window: Any, key: int, _scan: int, action: int, _modifiers: int) -> None:
        glfw = self._glfw
        if action != glfw.PRESS:
            return
        for first, last in ((glfw.KEY_0, glfw.KEY_6), (glfw.KEY_KP_0, glfw.KEY_KP_6)):
            if first <= key <= last:
                self._wishes.camera(key - first)
        if key in self._keys:
            self._wishes.key(self._keys[key])

    def _on_button(self, window: Any, button: int, action: int, modifiers: int) -> None:
        width, _ = self._window(window)
        if action == self._glfw.PRESS:
            # Before the first move only the window knows where the pointer is.
            at = self._pointer = self._pointer or self._scaled(self._glfw.get_cursor_pos(window))
            if self._panel.covers(at[0], width):
                self._panel.pressed(at[0], at[1], width)
                return
            self._held = button
            self._shifted = bool(modifiers & self._glfw.MOD_SHIFT)
        else:
            self._panel.released()
            if button == self._held:
                self._held = -1

    def _on_move(self, window: Any, x: float, y: float) -> None:
        # Asking for the pointer's place would give where it is now, which on a slow machine is far from this event's.
        x, y = at = self._scaled((x, y))
        before, self._pointer = self._pointer or at, at
        width, height = self._window(window)
        if self._panel.dragged(x, width) or self._held < 0:
            return
        right, down = (x - before[0]) / max(height, 1), (y - before[1]) / max(height, 1)
        moving = self._held != self._glfw.MOUSE_BUTTON_LEFT or self._shifted
        (self._wishes.move if moving else self._wishes.turn)(right, down)

    def _on_wheel(self, window: Any, _across: float, along: float) -> None:
        width, height = self._window(window)
        if self._pointer is not None and self._panel.covers(self._pointer[0], width):
            self._panel.wheel(along, height)
        else:
            self._wishes.zoom(along)

    def _window(self, window: Any) -> tuple[float, float]:
        """Width and height in screen units."""
        return self._scaled(self._glfw.get_window_size(window))

    def _scaled(self, pair: tuple[float, float]) -> tuple[float, float]:
        units = self._units()
        return pair[0] * units, pair[1] * units
