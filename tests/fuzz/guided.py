"""atheris chooses the bytes by what they reach in our packages: `python -m tests.fuzz --guided TARGET`.

Each target is a process of its own (`python -m tests.fuzz.guided TARGET ...`): atheris watches what is imported under
its eyes, and its loop ends with the process. Everything that it finds interesting or wrong stays in `.fuzz/`.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.fuzz.mutations import CORPUS, ROOT, corpus, mutated

KEPT: Final = ROOT / ".fuzz"
FINDS: Final = KEPT / "finds"
MEMORY: Final = Path("/dev/shm")
# To watch every module that is loaded takes more than a minute before the first input, and leads nowhere new.
WATCHED: Final = ("qbxml", "qbwc_server", "crm", "schemas", "lxml", "tomllib")
LONGEST: Final = 20_000
SECONDS_FOR_ONE: Final = 30
MISSING: Final = (
    "atheris is not installed here. make fuzz GUIDED=all installs it (Linux on x86-64, Python 3.11 to 3.13)."
)


@dataclass(frozen=True)
class Outcome:
    """What one run of a target reached: inputs tried, edges of code covered, and features (edges by how often)."""

    target: str
    inputs: int
    edges: int
    features: int
    kept: int
    found: tuple[Path, ...]

    def told(self) -> str:
        kept = f"{self.kept} kept in {(KEPT / self.target).relative_to(ROOT)}"
        head = f"{self.target}: {self.inputs} inputs, {self.edges} edges, {self.features} features, {kept}"
        again = [
            f"  again with: python -m tests.fuzz --target {self.target} --input {path}" for path in self.found
        ]
        return "\n".join([head, *again])


def guide(targets: Sequence[str], seconds: float, seed: int, runs: int, tell: Callable[[str], None]) -> int:
    """The targets one after the other, each with an equal share of the time. The exit status of the command."""
    if find_spec("atheris") is None:
        tell(MISSING)
        return 2
    outcomes = []
    for target in targets:
        outcomes.append(_run(target, seconds / len(targets), seed, runs))
        tell(outcomes[-1].told())
    return 1 if any(one.found for one in outcomes) else 0


def _run(target: str, seconds: float, seed: int, runs: int) -> Outcome:
    for folder in (KEPT / target, FINDS):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(FINDS.iterdir())
    log = KEPT / f"{target}.log"
    with log.open("wb") as lines:
        command = [sys.executable, "-m", "tests.fuzz.guided", target, *_options(target, seconds, seed, runs)]
        done = subprocess.run(command, cwd=ROOT, stdout=lines, stderr=lines, check=False)
    found = tuple(sorted(set(FINDS.iterdir()) - before))
    text = log.read_text("utf-8", "replace")
    if done.returncode and not found:
        raise RuntimeError(f"{log} tells why the run ended: {text[-2000:]}")
    return summary(target, text, found)


def _options(target: str, seconds: float, seed: int, runs: int) -> list[str]:
    return [f"-max_total_time={max(1, int(seconds))}", f"-seed={seed}", f"-runs={runs}", f"-max_len={LONGEST}",
            f"-timeout={SECONDS_FOR_ONE}", "-rss_limit_mb=4096", "-detect_leaks=0", "-print_final_stats=1",
            f"-artifact_prefix={FINDS}/{target}-"]  # fmt: skip


def summary(target: str, log: str, found: tuple[Path, ...] = ()) -> Outcome:
    """The last numbers that the fuzzer printed."""
    seen = re.findall(r"^#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)", log, re.MULTILINE)
    inputs, edges, features, kept = map(int, seen[-1]) if seen else (0, 0, 0, 0)
    executed = re.findall(r"^stat::number_of_executed_units:\s*(\d+)", log, re.MULTILINE)
    return Outcome(target, int(executed[-1]) if executed else inputs, edges, features, kept, found)


# --- inside the process of one target ---


def _watch(target: str, options: Sequence[str]) -> None:
    import atheris

    atheris.enabled_hooks.add("str")
    with atheris.instrument_imports(include=list(WATCHED)):
        from tests.fuzz.readers import READERS
    run, kind = READERS[target]
    documents = corpus(kind)

    def change(data: bytes, longest: int, seed: int) -> bytes:
        """By turns as a reader of bytes and as a reader of documents would be misled."""
        chance = random.Random(seed)
        if chance.random() < 0.5:
            changed: bytes = atheris.Mutate(data, longest)
            return changed
        return mutated(chance, [data], most=3, others=documents)[:longest]

    words = [sys.argv[0], *options, str(KEPT / target), str(CORPUS / kind)]
    atheris.Setup(words, run, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    for name in [name for name in os.environ if name.startswith("QBWC_")]:
        del os.environ[name]
    if MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)
    _watch(sys.argv[1], sys.argv[2:])
