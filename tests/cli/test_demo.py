"""The demonstration: it passes, it fails when something is broken, and it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from qbwc_server.demo.checks import Checks

HELD = "\n  ok      "


def demo(folder: Path, *words: str) -> subprocess.Popen[str]:
    """With a temporary folder of its own, and the settings of another installation around it."""
    environment = os.environ | {
        "TMPDIR": str(folder),
        "PYTHONUNBUFFERED": "1",
        "QBWC_HOME": str(folder / "other"),
        "QBWC_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "qbwc_server.cli", "demo", "--accounts", "7", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def told(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=200)
    return output


def lines_after(text: str, heading: str) -> Sequence[str]:
    return text.partition(heading)[2].splitlines()


def test_the_demonstration_passes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = demo(tmp_path)
    text = told(process)
    assert process.returncode == 0, text
    assert "FAILED" not in text
    assert "Name has 100 characters" in text
    assert "contains a colon" in text
    assert "The opportunity has no products" in text
    assert "By both sides' own count, nothing was written to either" in text
    assert text.rstrip().endswith("Each was read from Salesforce or from the company file.")
    assert f"All {text.count(HELD)} claims held" in text
    assert list(tmp_path.iterdir()) == []


def test_a_broken_endpoint_fails_the_demonstration_in_a_plain_sentence(tmp_path: Path) -> None:
    process = demo(tmp_path, "--break-soap")
    text = told(process)
    assert process.returncode == 1
    assert "The demonstration failed: The Web Connector could update" in text
    assert "HTTP status 500" in text
    assert "Traceback" not in text
    [home] = tmp_path.iterdir()
    assert (home / "server.log").exists()


def test_a_demonstration_that_keeps_running_ends_its_server_with_it(tmp_path: Path) -> None:
    process = demo(tmp_path, "--serve")
    assert process.stdout is not None
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        if "simulate connector update" in line:
            break
    pages = [line.split()[-1] for line in seen if "server's page" in line]
    assert pages, "".join(seen)
    [address] = pages
    process.send_signal(signal.SIGINT)
    rest = told(process)
    assert process.returncode == 0, "".join(seen) + rest
    assert "Ending the server" in rest
    refused = subprocess.run(
        [sys.executable, "-c", f"import urllib.request as u; u.urlopen('{address}')"],
        stderr=subprocess.PIPE,
        check=False,
        text=True,
    )
    assert "refused" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_does_not_hold_says_what_is_seen_instead() -> None:
    said: list[str] = []
    checks = Checks(said.append)
    assert checks.claim("Both sides agree", holds=True)
    assert not checks.claim("Nothing is twice", holds=False, otherwise="Ann, Ann")
    assert said == ["  ok      Both sides agree", "  FAILED  Nothing is twice. What is seen: Ann, Ann"]
    assert (checks.held, checks.failed) == (1, ["Nothing is twice. What is seen: Ann, Ann"])


@pytest.mark.parametrize("word", ["--accounts=3", "--accounts=many", "--seed=x"])
def test_a_wish_that_cannot_be_is_refused(word: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qbwc_server.cli", "demo", word], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert tempfile.gettempdir() not in done.stdout
