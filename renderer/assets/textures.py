"""Pictures, samplers and textures of a document. Pictures stay encoded; only their headers are looked at."""

from __future__ import annotations

from renderer.assets.buffers import BufferStore
from renderer.assets.document import Document, ImageObject, SamplerObject, TextureObject
from renderer.assets.extensions import WebpSource, read
from renderer.assets.issues import IssueLog
from renderer.assets.limits import Limits
from renderer.assets.picture import probe
from renderer.assets.resolver import Resolver, decode_data_uri, is_data_uri
from renderer.errors import AssetError
from renderer.scene.material import Image, Sampler, Texture, Wrap

READABLE = ("image/png", "image/jpeg", "image/webp")
_FILTERS = (9728, 9729, 9984, 9985, 9986, 9987)
_WRAPS = tuple(int(wrap) for wrap in Wrap)


class Pictures:
    """Reads a document's images; one that cannot be had becomes a warning, not an error."""

    def __init__(self, buffers: BufferStore, resolver: Resolver, *, log: IssueLog, limits: Limits) -> None:
        self._buffers = buffers
        self._resolver = resolver
        self._log = log
        self._limits = limits

    def read(self, images: list[ImageObject]) -> tuple[Image, ...]:
        """One picture per image object; those that cannot be had have no data and an empty MIME type."""
        return tuple(self._one(image, f"/images/{index}") for index, image in enumerate(images))

    def _one(self, image: ImageObject, where: str) -> Image:
        absent = Image(name=image.name, mime_type="", data=b"")
        declared = image.mime_type
        data: bytes | memoryview
        try:
            if image.buffer_view is not None:
                data = self._buffers.view(image.buffer_view, where=where)
            elif image.uri is None:
                self._log.add("image.missing", "neither a URI nor a buffer view", where=where)
                return absent
            elif is_data_uri(image.uri):
                declared, data = decode_data_uri(image.uri, where=where)
            else:
                data = self._resolver.read(image.uri, where=where)
        except AssetError as error:
            self._log.add("image.missing", error.message, where=where)
            return absent
        info = probe(data)
        if info is None or info.mime_type not in READABLE:
            kind = info.mime_type if info else "not PNG, JPEG or WebP"
            self._log.add("image.format", f"the picture cannot be read: {kind}", where=where)
            return absent
        if declared and declared not in (info.mime_type, "application/octet-stream"):
            self._log.add("image.mime-type", f"{declared} is declared, the bytes are {info.mime_type}", where=where)
        if info.width * info.height > self._limits.picture_pixels or not info.width or not info.height:
            self._log.add("image.too-large", f"{info.width} x {info.height} pixels", where=where)
            return absent
        name = image.name or (image.uri if image.uri and not is_data_uri(image.uri) else "")
        return Image(name=name, mime_type=info.mime_type, data=data)


def read_textures(document: Document, images: tuple[Image, ...], *, log: IssueLog) -> tuple[Texture, ...]:
    """Textures with their samplers; EXT_texture_webp's picture wins over the plain one."""
    samplers = [_sampler(sampler, f"/samplers/{i}", log) for i, sampler in enumerate(document.samplers)]
    return tuple(
        _texture(texture, images, samplers, f"/textures/{i}", log) for i, texture in enumerate(document.textures)
    )


def _texture(
    texture: TextureObject, images: tuple[Image, ...], samplers: list[Sampler], where: str, log: IssueLog
) -> Texture:
    sampler = Sampler()
    if texture.sampler is not None:
        if texture.sampler < len(samplers):
            sampler = samplers[texture.sampler]
        else:
            log.add("texture.reference", f"sampler {texture.sampler} does not exist", where=where)
    webp = None
    if texture.extensions:
        webp = read(texture.extensions, "EXT_texture_webp", WebpSource, log=log, where=where)
    for source in (webp.source if webp else None, texture.source):
        if source is None:
            continue
        if source >= len(images):
            log.add("texture.reference", f"image {source} does not exist", where=where)
        elif images[source].data:
            return Texture(image=source, sampler=sampler)
    return Texture(image=-1, sampler=sampler)


def _sampler(sampler: SamplerObject, where: str, log: IssueLog) -> Sampler:
    def known(value: int | None, allowed: tuple[int, ...]) -> int | None:
        if value is not None and value not in allowed:
            log.add("texture.reference", f"unknown sampler value {value}", where=where)
            return None
        return value

    return Sampler(
        mag_filter=known(sampler.mag_filter, _FILTERS[:2]),
        min_filter=known(sampler.min_filter, _FILTERS),
        wrap_s=Wrap(known(sampler.wrap_s, _WRAPS) or Wrap.REPEAT),
        wrap_t=Wrap(known(sampler.wrap_t, _WRAPS) or Wrap.REPEAT),
    )
