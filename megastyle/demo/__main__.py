"""The app without the real weights: prepares a tiny encoder that learns from drawn pictures, and starts app.py on it.

    python -m megastyle.demo
    python -m megastyle.demo --prepare      prepares the encoder and ends

Nothing is downloaded. The encoder is a real SigLIP vision tower of about 140,000 parameters, trained from nothing in
half a minute and kept in .demo/ for the next start. Its scores are NOT MegaStyle scores. It knows colours and textures
well enough to show how the page works on any picture, and it has never seen one that was not drawn here.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from megastyle.demo.examples import digest_of, kept

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent
FOLDER = ROOT / ".demo"  # kept for the next start; not under version control
KEPT = {  # what is prepared, by the variable that names it to app.py
    "MEGASTYLE_BACKBONE": "backbone",
    "MEGASTYLE_CHECKPOINT": "megastyle_encoder.pth",
    "MEGASTYLE_CALIBRATION": "calibration.json",
}
BESIDE = ("page", "guard", "calibrate", "folders", "score")  # what the kept files do not depend on
SOURCES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in BESIDE
]
LIBRARIES = ("torch", "transformers", "numpy", "Pillow")


def recipe() -> str:
    """Names what encoder and calibration depend on: the sources and the versions of the libraries."""
    return digest_of(SOURCES, LIBRARIES)


def variables(folder: Path) -> dict[str, str]:
    """The variables that name the encoder in `folder`, and its calibration, to app.py."""
    return {variable: str(folder / name) for variable, name in KEPT.items()}


def prepare(folder: Path = FOLDER) -> dict[str, str]:
    """The variables that name the tiny encoder, which is trained only if `folder` has none of today's recipe."""
    return variables(kept(folder / recipe(), build))


def build(folder: Path) -> None:
    """Train and measure the tiny encoder into `folder`."""
    print("The tiny encoder draws pictures and learns from them; half a minute in all ...", flush=True)
    from megastyle.demo import training  # imports torch, for which a start that has nothing to train does not wait

    training.build(variables(folder))


def main(arguments: list[str] | None = None) -> None:
    """Prepare the encoder, say what it is and what not, and become app.py unless only the preparation was asked for."""
    parser = argparse.ArgumentParser(prog="python -m megastyle.demo", description="Start the page on a tiny encoder.")
    parser.add_argument("--prepare", action="store_true", help="prepare the encoder and end")
    only_prepare = parser.parse_args(arguments).prepare
    print("Offline demo: nothing is downloaded. Its scores are NOT MegaStyle scores; they show how the page works.")
    prepared = prepare()
    if only_prepare:
        print(f"The encoder is ready in {Path(prepared['MEGASTYLE_CHECKPOINT']).parent}.")
    else:
        address = f"http://127.0.0.1:{os.environ.get('GRADIO_SERVER_PORT', '7860')}"
        print(f"Starting the page; open {address} when it says that it runs. Ctrl+C ends it.", flush=True)
        os.execve(sys.executable, [sys.executable, str(ROOT / "app.py")], {**os.environ, **prepared})


if __name__ == "__main__":
    main()
