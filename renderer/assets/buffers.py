"""The bytes of buffers and buffer views (glTF 2.0, section 3.6.1)."""

from __future__ import annotations

from renderer.assets.document import Document
from renderer.assets.issues import IssueLog, refusal
from renderer.assets.resolver import Resolver, decode_data_uri, is_data_uri, short


class BufferStore:
    """Buffers of one document, each fetched when it is first asked for; views never copy."""

    def __init__(self, document: Document, binary: memoryview | None, resolver: Resolver, *, log: IssueLog) -> None:
        self._buffers = document.buffers
        self._views = document.buffer_views
        self._binary = binary
        self._resolver = resolver
        self._log = log
        self._loaded: dict[int, memoryview] = {}

    def buffer(self, index: int, *, where: str) -> memoryview:
        """A buffer's declared bytes. Raises AssetError ``reference.range``, ``buffer.*``, ``resource.*``."""
        if index not in self._loaded:
            self._loaded[index] = self._load(index, where=where)
        return self._loaded[index]

    def view(self, index: int, *, where: str) -> memoryview:
        """A buffer view's bytes. Raises AssetError ``reference.range``, ``view.range`` and those of its buffer."""
        if index >= len(self._views):
            raise refusal("reference.range", f"buffer view {index} does not exist", where=where)
        view = self._views[index]
        here = f"/bufferViews/{index}"
        data = self.buffer(view.buffer, where=here)
        end = view.byte_offset + view.byte_length
        if end > len(data):
            raise refusal("view.range", f"bytes {view.byte_offset} to {end} of a buffer of {len(data)}", where=here)
        return data[view.byte_offset : end]

    def stride(self, index: int) -> int | None:
        """A buffer view's stride where it declares one."""
        return self._views[index].byte_stride or None

    def _load(self, index: int, *, where: str) -> memoryview:
        if index >= len(self._buffers):
            raise refusal("reference.range", f"buffer {index} does not exist", where=where)
        buffer = self._buffers[index]
        here = f"/buffers/{index}"
        if buffer.uri is None:
            if index != 0 or self._binary is None:
                raise refusal("buffer.missing", "a buffer without a URI or binary chunk", where=here)
            data = self._binary
        elif is_data_uri(buffer.uri):
            data = memoryview(decode_data_uri(buffer.uri, where=here)[1])
        else:
            data = memoryview(self._resolver.read(buffer.uri, where=here))
        if len(data) < buffer.byte_length:
            source = short(buffer.uri) if buffer.uri and not is_data_uri(buffer.uri) else "its data"
            raise refusal(
                "buffer.short",
                f"{buffer.byte_length} bytes are declared, {source} has {len(data)}",
                where=here,
                hint="the file is cut off or belongs to another asset",
            )
        if len(data) > buffer.byte_length + 3:
            # Up to three bytes of padding are the GLB container's right.
            self._log.add("resource.trailing", f"{len(data) - buffer.byte_length} bytes too many", where=here)
        return data[: buffer.byte_length]
