"""Primitives that KHR_draco_mesh_compression stores compressed: what they unpack to stands in for their accessors."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from renderer.assets.accessors import Accessors
from renderer.assets.buffers import BufferStore
from renderer.assets.compression.damage import Damaged
from renderer.assets.compression.draco import DRACO, DracoObject, available, unpack
from renderer.assets.document import Document, PrimitiveObject
from renderer.assets.extensions import read
from renderer.assets.issues import IssueLog, refusal
from renderer.scene.mesh import Mode


def unpack_primitives(document: Document, buffers: BufferStore, accessors: Accessors, *, log: IssueLog) -> None:
    """Unpack every such primitive of the document. Without DracoPy what the file holds besides is read.

    Raises AssetError ``compression.draco``, ``view.*``, ``buffer.*``, ``reference.range``, ``limit.exceeded``.
    """
    if not any(DRACO in p.extensions for mesh in document.meshes for p in mesh.primitives) or not available():
        return
    done: set[tuple[int, int | None]] = set()
    for i, mesh in enumerate(document.meshes):
        for j, primitive in enumerate(mesh.primitives):
            where = f"/meshes/{i}/primitives/{j}"
            packed = read(primitive.extensions, DRACO, DracoObject, log=log, where=where)
            if packed is not None and (packed.buffer_view, primitive.indices) not in done:
                done.add((packed.buffer_view, primitive.indices))
                _unpack(primitive, packed, buffers, accessors, f"{where}/extensions/{DRACO}")


def _unpack(
    primitive: PrimitiveObject, packed: DracoObject, buffers: BufferStore, accessors: Accessors, where: str
) -> None:
    if primitive.mode != Mode.TRIANGLES:
        raise refusal(
            "compression.draco", f"only lists of triangles can be read, not mode {primitive.mode}", where=where
        )
    data = bytes(buffers.view(packed.buffer_view, where=where))
    try:
        found = unpack(data, attributes=packed.attributes)
        for name, array in found.attributes.items():
            index = primitive.attributes.get(name)
            if index is not None:
                _provide(accessors, index, array, f"{where}/attributes/{name}")
        if primitive.indices is not None:
            _provide(accessors, primitive.indices, found.indices, where)
    except Damaged as error:
        raise refusal("compression.draco", f"the compressed data is damaged: {error}", where=where) from error


def _provide(accessors: Accessors, index: int, array: NDArray[Any], where: str) -> None:
    accessor = accessors.info(index, where=where)
    if array.ndim != 2 or len(array) != accessor.count:
        raise Damaged(f"{len(array)} elements for an accessor of {accessor.count}")
    accessors.provide(index, array)
