"""A primitive's vertices on the GPU: one buffer that may change with the morph weights, one that never does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl.context import GraphicsContext
from renderer.gl.morph import MorphedVertices
from renderer.scene import Primitive

_MOST_JOINTS = 8


class Geometry:
    """Buffers of one primitive.

    Attributes:
        count: how many vertices or indices are drawn.
        center: ``(3,)`` middle of the positions' box, in the mesh's own frame.
        radius: of a ball round it that holds them all.
        joint_shares: ``(joints,)`` how much of the vertices' weight each joint carries, sum 1, or None.
    """

    def __init__(self, context: GraphicsContext, primitive: Primitive) -> None:
        self._context = context
        self.mode = int(primitive.mode)
        shape, self._shape_format, self._shape_names = _shape(primitive)
        self.morph = MorphedVertices(shape, primitive.targets) if primitive.targets else None
        self._shape_buffer = context.gl.buffer(np.ascontiguousarray(shape), dynamic=self.morph is not None)
        static, self._static_format, self._static_names = _static(primitive)
        self._static_buffer = context.gl.buffer(static) if static is not None else None
        self._index_buffer, self._index_size = None, 4
        self.count = len(primitive.positions)
        if primitive.indices is not None:
            indices = primitive.indices
            self.count = len(indices)
            small = len(primitive.positions) < 0xFFFF
            self._index_size = 2 if small else 4
            stored = indices.astype(np.uint16 if small else np.uint32)
            self._index_buffer = context.gl.buffer(stored) if self.count else None
        positions = primitive.positions
        self.center = (positions.min(axis=0) + positions.max(axis=0)) / 2 if len(positions) else np.zeros(3)
        self.radius = float(np.linalg.norm(np.ptp(positions, axis=0))) / 2 if len(positions) else 0.0
        self.joint_shares = _shares(primitive)
        self._arrays: dict[Any, Any] = {}

    def set_weights(self, weights: NDArray[np.float32]) -> bool:
        """Morph to the weights ``(targets,)``; uploads only when they changed, and says whether."""
        if self.morph is None or not self.morph.update(weights):
            return False
        self._shape_buffer.orphan()
        self._shape_buffer.write(self.morph.current)
        return True

    def array(self, program: Any) -> Any:
        """The vertex array that feeds the program, made once."""
        if program not in self._arrays:
            taken = set(program)
            content = [_binding(self._shape_buffer, self._shape_format, self._shape_names, taken)]
            if self._static_buffer is not None:
                content.append(_binding(self._static_buffer, self._static_format, self._static_names, taken))
            self._arrays[program] = self._context.gl.vertex_array(
                program,
                [binding for binding in content if binding],
                index_buffer=self._index_buffer,
                index_element_size=self._index_size,
                mode=self.mode,
            )
        return self._arrays[program]

    def release(self) -> None:
        """Free every buffer and array."""
        for array in self._arrays.values():
            array.release()
        self._arrays.clear()
        for buffer in (self._shape_buffer, self._static_buffer, self._index_buffer):
            if buffer is not None:
                buffer.release()


def _binding(buffer: Any, formats: list[str], names: list[str], taken: set[str]) -> tuple[Any, ...] | None:
    """moderngl's description of an interleaved buffer, with padding where the program takes no such attribute."""
    used = [name for name in names if name in taken]
    if not used:
        return None
    layout = [text if name in taken else f"{_bytes(text)}x" for text, name in zip(formats, names, strict=True)]
    return (buffer, " ".join(layout), *used)


def _bytes(text: str) -> int:
    return int(text[0]) * int(text[-1]) if text[-1].isdigit() else int(text[0]) * 4


def _shape(primitive: Primitive) -> tuple[NDArray[np.float32], list[str], list[str]]:
    """What morphing may move: position, normal, tangent, as ``(n, 3 | 6 | 10)``."""
    parts, formats, names = [primitive.positions], ["3f4"], ["in_position"]
    if primitive.normals is not None:
        parts.append(primitive.normals)
        formats.append("3f4")
        names.append("in_normal")
        if primitive.tangents is not None:
            parts.append(primitive.tangents)
            formats.append("4f4")
            names.append("in_tangent")
    return np.concatenate(parts, axis=1, dtype=np.float32), formats, names


def _static(primitive: Primitive) -> tuple[NDArray[np.void] | None, list[str], list[str]]:
    """What never changes: texture coordinates, colours, joints and weights, interleaved."""
    fields: list[tuple[str, str, NDArray[np.generic]]] = []
    for index, uv in enumerate(primitive.uvs[:2]):
        fields.append((f"in_uv{index}", "2f4", uv))
    if primitive.colors is not None:
        fields.append(("in_color", "4f4", primitive.colors))
    if primitive.joints is not None and primitive.weights is not None:
        joints, weights = strongest(primitive.joints, primitive.weights)
        for start in range(0, joints.shape[1], 4):
            fields.append((f"in_joints{start // 4}", "4u2", joints[:, start : start + 4]))
            fields.append((f"in_weights{start // 4}", "4f4", weights[:, start : start + 4]))
    if not fields:
        return None, [], []
    kinds = {"f4": np.float32, "u2": np.uint16}
    record = np.dtype([(name, kinds[text[1:]], int(text[0])) for name, text, _ in fields])
    packed = np.empty(len(primitive.positions), record)
    for name, _, values in fields:
        packed[name] = values
    return packed, [text for _, text, _ in fields], [name for name, _, _ in fields]


def strongest(
    joints: NDArray[np.uint16], weights: NDArray[np.float32]
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """At most eight influences a vertex: of more, the eight heaviest, scaled back to the same sum."""
    if joints.shape[1] <= _MOST_JOINTS:
        return joints, weights
    keep = np.argsort(-weights, axis=1, kind="stable")[:, :_MOST_JOINTS]
    kept = np.take_along_axis(weights, keep, axis=1)
    total = kept.sum(axis=1, keepdims=True)
    scale = np.where(total > 0.0, weights.sum(axis=1, keepdims=True) / np.where(total > 0.0, total, 1.0), 1.0)
    return np.take_along_axis(joints, keep, axis=1), (kept * scale).astype(np.float32)


def _shares(primitive: Primitive) -> NDArray[np.float32] | None:
    if primitive.joints is None or primitive.weights is None or not primitive.joints.size:
        return None
    shares = np.bincount(primitive.joints.ravel(), weights=primitive.weights.ravel())
    total = float(shares.sum())
    return (shares / total).astype(np.float32) if total > 0.0 else None
