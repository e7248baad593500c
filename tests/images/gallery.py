"""Image tests: one small script per claim in ``cases/``, one reference picture each in ``references/``.

    python tests/images/gallery.py                      compare all
    python tests/images/gallery.py --regenerate [NAME]  draw the references anew (then look at them)

A case has ``SIZE`` and ``draw(offscreen, shapes) -> picture``; its docstring is the claim. References come from one
software driver, recorded beside them: on that driver a channel may differ by 1 (by 2 on OpenGL ES), on any other the
root mean square by 4. A failure leaves the picture and the difference, amplified, in ``failures/``.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
CASES, REFERENCES, FAILURES = HERE / "cases", HERE / "references", HERE / "failures"
DRIVER = REFERENCES / "driver.txt"
EXACT, EXACT_ES, LOOSE_RMS = 1, 2, 4.0
AMPLIFY = 16


def names() -> list[str]:
    """Every case, by name."""
    return sorted(path.stem for path in CASES.glob("*.py"))


def load(path: Path) -> ModuleType:
    """A script as a module, without a package around it."""
    spec = importlib.util.spec_from_file_location(f"image_test_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def draw(name: str, context: object) -> np.ndarray:
    """The picture of a case, ``(h, w, 4) uint8``."""
    shapes = load(HERE.parent / "renderer" / "gl" / "shapes.py")
    return load(CASES / f"{name}.py").draw(context, shapes)


def reference(name: str) -> np.ndarray:
    """What the case has to look like."""
    with Image.open(REFERENCES / f"{name}.png") as picture:
        return np.array(picture.convert("RGBA"))


def mismatch(drawn: np.ndarray, wanted: np.ndarray, *, driver: str, profile: str) -> str:
    """How a picture differs from its reference, ``""`` when it does not."""
    if drawn.shape != wanted.shape:
        return f"the size is {drawn.shape[1]}x{drawn.shape[0]}, not {wanted.shape[1]}x{wanted.shape[0]}"
    difference = np.abs(premultiplied(drawn) - premultiplied(wanted))
    if same_device(driver, DRIVER.read_text(encoding="utf-8").strip()):
        allowed = EXACT if profile == "gl" else EXACT_ES
        worst = int(np.ceil(difference.max() - 0.5))
        count = int((difference.max(axis=2) > allowed + 0.5).sum())
        return "" if count == 0 else f"{count} pixels differ by more than {allowed}, at most by {worst}"
    rms = float(np.sqrt((difference**2).mean()))
    return "" if rms <= LOOSE_RMS else f"on this driver ({driver}) the root mean square difference is {rms:.2f}"


def premultiplied(picture: np.ndarray) -> np.ndarray:
    """Colour times alpha, so that what cannot be seen does not count."""
    values = picture.astype(np.float32)
    values[..., :3] *= values[..., 3:] / 255.0
    return values


def same_device(driver: str, recorded: str) -> bool:
    """Whether two drivers draw alike to the bit: the same renderer and the same Mesa, whatever the profile."""
    return (driver.partition(";")[0], driver.rpartition("Mesa ")[2]) == (
        recorded.partition(";")[0],
        recorded.rpartition("Mesa ")[2],
    )


def keep_failure(name: str, profile: str, drawn: np.ndarray, wanted: np.ndarray) -> Path:
    """Save the picture and the amplified difference for a person; where."""
    FAILURES.mkdir(exist_ok=True)
    path = FAILURES / f"{name}.{profile}.png"
    Image.fromarray(drawn).save(path)
    if drawn.shape == wanted.shape:
        difference = np.abs(premultiplied(drawn) - premultiplied(wanted))[..., :3].max(axis=2)
        Image.fromarray(np.clip(difference * AMPLIFY, 0, 255).astype(np.uint8)).save(
            FAILURES / f"{name}.{profile}.difference.png"
        )
    return path


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases; default: all")
    parser.add_argument("--regenerate", action="store_true", help="draw the references anew")
    given = parser.parse_args(arguments)
    from renderer.gl.context import headless

    context, wrong = headless(profile="gl"), 0
    for name in given.names or names():
        drawn = draw(name, context)
        if given.regenerate:
            REFERENCES.mkdir(exist_ok=True)
            Image.fromarray(drawn).save(REFERENCES / f"{name}.png", optimize=True)
            DRIVER.write_text(context.driver + "\n", encoding="utf-8")
            print(f"{name}: drawn anew")
            continue
        told = mismatch(drawn, reference(name), driver=context.driver, profile="gl")
        wrong += bool(told)
        if told:
            keep_failure(name, "gl", drawn, reference(name))
        print(f"{name}: {told or 'as it was'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))
    sys.exit(main(sys.argv[1:]))
