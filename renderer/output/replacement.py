"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from renderer.errors import OutputError


class Replacement:
    """A temporary neighbour of a file, renamed onto it at the end of the block, or removed if the block failed.

    Raises:
        OutputError: ``output.unwritable``, from entering or leaving the block.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._made = False

    def __enter__(self) -> Path:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # O_EXCL: never follow a link that somebody laid out under the temporary name.
            os.close(os.open(self._temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as exc:
            raise _unwritable(self._path, exc) from exc
        self._made = True
        return self._temporary

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not self._made:
            return
        try:
            if error is None:
                self._temporary.replace(self._path)
        except OSError as exc:
            raise _unwritable(self._path, exc) from exc
        finally:
            self._temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritable(self._path, error) from error


def writable_folder(folder: Path) -> None:
    """Make a folder and see that a file can be made in it, before the work that its files will hold is begun.

    Raises:
        OutputError: ``output.unwritable``.
    """
    probe = folder / f".{os.getpid()}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        probe.unlink()
    except OSError as exc:
        raise _unwritable(folder, exc) from exc


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write: {error.strerror or error}",
        code="output.unwritable",
        where=str(path),
        hint="choose a folder that exists or can be made, that you may write to and that has room",
    )
