"""A virtual environment with packages from PyPI for the peers, made where it is missing."""
import importlib.util
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def enter(modules):
    """Goes on in an environment where all of `modules` {name: what pip calls it} can be imported.

    It lies in build/peers, or where ICOSA_PEERS says; what the system's Python has is used as it is.
    """
    folder = pathlib.Path(os.environ.get("ICOSA_PEERS", ROOT / "build" / "peers")).absolute()
    python = folder / "bin" / "python"
    if pathlib.Path(sys.prefix) != folder:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", folder], check=True)
        os.execv(python, [str(python), *sys.argv])
    missing = [package for name, package in modules.items() if importlib.util.find_spec(name) is None]
    if missing:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)
        os.execv(python, [str(python), *sys.argv])
