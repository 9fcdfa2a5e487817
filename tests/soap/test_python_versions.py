"""The wire and the imports under the other Pythons we support, each in a virtual environment kept in the cache."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
VERSIONS = ("3.12", "3.13")

# What depends on the libraries under the SOAP endpoint; sessions and states are plain Python.
WIRE = ("front", "golden_wire", "port", "request_bodies", "spyne_app", "wsdl_shape")

# Migration scripts run inside Alembic only, and a __main__ runs when it is imported.
IMPORT_EVERYTHING = """
import importlib, pkgutil
names = []
for package in map(importlib.import_module, ("qbxml", "crm", "qbwc_server", "schemas")):
    names += [found.name for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
              if "migrations" not in found.name.split(".") and not found.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names), "modules")
"""


def name_of(version: str) -> str:
    return "py" + version.replace(".", "")


def candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    # A shim of pyenv stands on PATH for versions that are installed and not chosen, and refuses to run.
    yield from sorted(
        (Path.home() / ".pyenv" / "versions").glob(f"{version}*/bin/python{version}"), reverse=True
    )


def runs_as(python: Path, version: str) -> bool:
    try:
        shown = subprocess.run([python, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return False
    return shown.returncode == 0 and shown.stdout.startswith(f"Python {version}.")


def interpreter(version: str) -> Path:
    found = next((python for python in candidates(version) if runs_as(python, version)), None)
    if found is None:
        missing = f"there is no working Python {version} on this machine"
        if name_of(version) in os.environ.get("QBWC_REQUIRE", "").replace(",", " ").split():
            pytest.fail(f"{missing}, and QBWC_REQUIRE asks for it")
        pytest.skip(missing)
    return found


def run(*command: object, cwd: Path = ROOT) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@contextmanager
def one_at_a_time(place: Path) -> Iterator[None]:
    """Two test processes must not fill the same environment at once."""
    fcntl = pytest.importorskip("fcntl")
    with place.with_suffix(".busy").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def environment(version: str) -> Path:
    """The Python of a virtual environment that holds exactly what the lock file names."""
    base = interpreter(version)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qbwc-server-tests"
    cache.mkdir(parents=True, exist_ok=True)
    place = cache / name_of(version)
    made_of = f"{base.resolve()} {hashlib.sha256(LOCK.read_bytes()).hexdigest()}"
    with one_at_a_time(place):
        stamp = place / "made-of"
        if not stamp.is_file() or stamp.read_text() != made_of:
            _fill(place, base)
            stamp.write_text(made_of)
    return place / "bin" / "python"


def _fill(place: Path, base: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    run(base, "-m", "venv", place)
    run(place / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "-r", LOCK)


pytestmark = [
    pytest.mark.timeout(1800),  # the first time, everything is downloaded
    pytest.mark.skipif(sys.platform == "win32", reason="written for the layout of POSIX environments"),
]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_module_imports(version: str) -> None:
    assert run(environment(version), "-c", IMPORT_EVERYTHING).endswith("modules\n")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_wire_is_the_same(version: str) -> None:
    files = [f"tests/soap/test_{name}.py" for name in WIRE]
    shown = run(environment(version), "-m", "pytest", *files, "-k", "not tcp", "-q", "-p", "no:cacheprovider")
    assert " passed" in shown
