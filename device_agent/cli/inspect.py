"""``avatar-agent inspect``: what is in an avatar's data, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from device_agent.cli import options, present

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from renderer.assets.summary import Coverage, Summary


def register(app: typer.Typer) -> None:
    """Add the command to the application."""

    @app.command(name="inspect")
    def inspect(
        file: Annotated[
            Path, typer.Argument(metavar="FILE", help="A .glb, .gltf or .vrm, or an open avatar package (folder, zip).")
        ],
        limit: options.Limit = None,
        config: options.Config = None,
        as_json: options.Json = False,
    ) -> None:
        """Say what is in FILE and what is wrong with it; exit status 7 when it cannot be drawn at all."""
        import msgspec
        from rich.console import Console

        from device_agent.cli.limits import file_limits
        from renderer.assets import load
        from renderer.assets.summary import summarise

        summary = summarise(load(file, limits=file_limits(config, limit or ())), name=str(file))
        if as_json:
            present.put_json({"summary": summary.sentence, **msgspec.to_builtins(summary)})
            return
        show(summary, Console())


def show(summary: Summary, console: Console) -> None:
    """Print the summary as tables, empty ones left out, the sentence last."""
    console.print(f"[bold]{_plain(summary.name)}[/bold]")
    if summary.generator:
        console.print(f"written by {_plain(summary.generator)}", style="dim")
    for table in _tables(summary):
        console.print(table)
    _coverage(console, "humanoid bones", summary.humanoid, extra=f"{len(summary.humanoid_bones)} bones known in all")
    _coverage(console, "ARKit channels", summary.arkit, extra="")
    if summary.variants:
        console.print(f"variants: {_plain(', '.join(summary.variants))}")
    if summary.extensions:
        console.print(f"extensions: {_plain(', '.join(summary.extensions))}")
    console.print(f"[bold]{_plain(summary.sentence)}[/bold]")


def _tables(summary: Summary) -> list[RenderableType]:
    tables = [
        _table(
            "Meshes",
            ("name", "primitives>", "vertices>", "triangles>", "targets>", "skin"),
            [
                (
                    mesh.name,
                    f"{mesh.primitives}",
                    f"{mesh.vertices:,}",
                    f"{mesh.triangles:,}",
                    f"{mesh.morph_targets or '-'}",
                    f"{mesh.influences} per vertex" if mesh.skinned and mesh.influences else "-",
                )
                for mesh in summary.meshes
            ],
        ),
        _table(
            "Materials",
            ("name", "alpha", "sides", "textures"),
            [
                (
                    material.name,
                    material.alpha_mode.lower(),
                    "both" if material.double_sided else "front",
                    ", ".join(material.textures) + (" (unlit)" if material.unlit else ""),
                )
                for material in summary.materials
            ],
        ),
        _table(
            "Pictures",
            ("name", "type", "pixels>", "kB>"),
            [
                (
                    image.name,
                    image.mime_type.removeprefix("image/") or "unreadable",
                    f"{image.width} x {image.height}",
                    f"{image.bytes / 1000:,.1f}",
                )
                for image in summary.images
            ],
        ),
        _table(
            "Clips",
            ("name", "seconds>", "channels>", "group"),
            [(clip.name, f"{clip.seconds:.2f}", f"{clip.channels}", clip.group) for clip in summary.clips],
        ),
        _table(
            "Issues",
            ("severity", "code", "times>", "what", "first place"),
            [(issue.severity, issue.code, f"{issue.count}", issue.message, issue.where) for issue in summary.issues],
        ),
    ]
    return [table for table in tables if table is not None]


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> RenderableType | None:
    """A table whose columns ending in ``>`` are right-aligned; None without rows."""
    from rich.table import Table

    if not rows:
        return None
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_plain(cell) for cell in row))
    return table


def _coverage(console: Console, what: str, coverage: Coverage, *, extra: str) -> None:
    missing = ""
    if 0 < len(coverage.missing) < coverage.of:
        missing = f"; missing {', '.join(coverage.missing[:6])}{' ...' if len(coverage.missing) > 6 else ''}"
    facts = "; ".join(part for part in (f"{coverage.found} of {coverage.of}", extra) if part)
    console.print(f"{what}: {facts}{missing}")


def _plain(text: str) -> str:
    """A name from the file: never taken for markup, control characters shown, not sent to the terminal."""
    from rich.markup import escape

    return escape(present.writable("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)))
