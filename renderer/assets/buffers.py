"""The bytes of buffers and buffer views (glTF 2.0, section 3.6.1)."""

from __future__ import annotations

from renderer.assets.compression.damage import Damaged
from renderer.assets.compression.views import MESHOPT, Compressed, CompressedView, decompress
from renderer.assets.document import Document
from renderer.assets.extensions import read
from renderer.assets.issues import IssueLog, refusal
from renderer.assets.limits import Limits
from renderer.assets.resolver import Resolver, decode_data_uri, is_data_uri, short


class BufferStore:
    """Buffers of one document, each fetched when it is first asked for; views never copy."""

    def __init__(
        self, document: Document, binary: memoryview | None, resolver: Resolver, *, log: IssueLog, limits: Limits
    ) -> None:
        self._buffers = document.buffers
        self._views = document.buffer_views
        self._binary = binary
        self._resolver = resolver
        self._log = log
        self._limits = limits
        self._loaded: dict[int, memoryview] = {}
        self._sizes: dict[int, int] = {}
        self._decompressed: dict[int, memoryview] | None = None

    def buffer(self, index: int, *, where: str) -> memoryview:
        """A buffer's declared bytes. Raises AssetError ``reference.range``, ``buffer.*``, ``resource.*``."""
        if index not in self._loaded:
            self._loaded[index] = self._load(index, where=where)
            self._sizes[index] = len(self._loaded[index])
        return self._loaded[index]

    def view(self, index: int, *, where: str) -> memoryview:
        """A buffer view's bytes. Raises AssetError ``reference.range``, ``view.range`` and those of its buffer."""
        if index >= len(self._views):
            raise refusal("reference.range", f"buffer view {index} does not exist", where=where)
        view = self._views[index]
        if view.extensions and MESHOPT in view.extensions:
            if self._decompressed is None:
                self._decompressed = self._decompress()
            if index in self._decompressed:
                return self._decompressed[index]
        return self._slice(view.buffer, view.byte_offset, view.byte_length, index)

    def _slice(self, buffer: int, offset: int, length: int, view: int) -> memoryview:
        data = self._loaded.get(buffer)
        if data is None:
            data = self.buffer(buffer, where=f"/bufferViews/{view}")
        if offset + length > len(data):
            message = f"bytes {offset} to {offset + length} of a buffer of {len(data)}"
            raise refusal("view.range", message, where=f"/bufferViews/{view}")
        return data[offset : offset + length]

    def _decompress(self) -> dict[int, memoryview]:
        """Unpack every compressed view; together that is much faster than one by one."""
        items: dict[int, Compressed] = {}
        spent = 0
        for index, view in enumerate(self._views):
            here = f"/bufferViews/{index}"
            packed = read(view.extensions, MESHOPT, CompressedView, log=self._log, where=here)
            if packed is None:
                continue
            size = packed.count * packed.byte_stride
            if size != view.byte_length:
                raise refusal("compression.meshopt", f"{size} bytes for a view of {view.byte_length}", where=here)
            spent += size
            if spent > self._limits.decoded_bytes:
                raise refusal("limit.exceeded", "compressed data unpacks to more memory than allowed", where=here)
            data = self._slice(packed.buffer, packed.byte_offset, packed.byte_length, index)
            items[index] = Compressed(data=data, view=packed)
        try:
            return dict(zip(items, decompress(list(items.values())), strict=True))
        except Damaged as error:
            here = f"/bufferViews/{list(items)[error.item]}"
            raise refusal("compression.meshopt", f"the compressed data is damaged: {error}", where=here) from error

    def located(self, index: int) -> tuple[memoryview, int, int, int | None] | None:
        """A whole buffer, and offset, length and stride of a view in it; None where that is not so simple."""
        if index >= len(self._views):
            return None
        view = self._views[index]
        data = self._loaded.get(view.buffer)
        if data is None or view.extensions or view.byte_offset + view.byte_length > len(data):
            return None
        return data, view.byte_offset, view.byte_length, view.byte_stride or None

    def place(self, index: int) -> tuple[int, int, int] | None:
        """Buffer, offset and length of a view; None where there is no such view or its bytes are compressed."""
        if index >= len(self._views) or MESHOPT in self._views[index].extensions:
            return None
        view = self._views[index]
        return view.buffer, view.byte_offset, view.byte_length

    def stride(self, index: int) -> int | None:
        """A buffer view's stride where it declares one."""
        return self._views[index].byte_stride or None

    def extent(self, index: int, *, where: str) -> tuple[int, int | None]:
        """Length and stride of a view; raises as ``view`` does."""
        if index < len(self._views):
            view = self._views[index]
            if not view.extensions and view.byte_offset + view.byte_length <= self._sizes.get(view.buffer, -1):
                return view.byte_length, view.byte_stride or None
        return len(self.view(index, where=where)), self.stride(index)

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
