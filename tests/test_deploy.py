"""What a server is installed with: checked as far as this machine can, and against the product's own settings."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from qbwc_server.secrets import KEY_VARIABLE
from qbwc_server.settings import Settings, load_settings
from tests.command_lines import refusal
from tests.wired import served

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
UNITS = ("qbwc-server-web.service", "qbwc-server-worker.service")
COMMAND = "/opt/qbwc-server/venv/bin/qbwc-server"
CADDYFILE = (DEPLOY / "Caddyfile").read_text("utf-8")
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")


def needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


# --- systemd ---


def unit(name: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((DEPLOY / name).read_text("utf-8"))
    return {section: dict(parser[section]) for section in parser.sections()}


@pytest.mark.parametrize("name", UNITS)
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    program, *arguments = unit(name)["Service"]["ExecStart"].split()
    assert program == COMMAND
    assert refusal(arguments) == ""


@pytest.mark.parametrize("name", UNITS)
def test_a_service_runs_as_a_user_of_its_own_in_its_own_home(name: str) -> None:
    service = unit(name)["Service"]
    assert (service["User"], service["Group"]) == ("qbwc-server", "qbwc-server")
    assert service["Environment"] == f"QBWC_HOME=/var/lib/{service['StateDirectory']}"
    assert service["EnvironmentFile"] == "-/etc/qbwc-server/environment"


def test_the_services_differ_in_what_they_run_only() -> None:
    web, worker = (unit(name) for name in UNITS)
    for one in (web, worker):
        del one["Unit"]["Description"], one["Service"]["ExecStart"]
    assert web == worker


def test_systemd_understands_the_services(tmp_path: Path) -> None:
    analyze = needs("systemd-analyze")
    for name in UNITS:
        text = (DEPLOY / name).read_text("utf-8").replace(COMMAND, sys.executable)
        (tmp_path / name).write_text(text, "utf-8")
    paths = [str(tmp_path / name) for name in UNITS]
    done = subprocess.run(
        [analyze, "verify", *paths], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "qbwc-server" in line]
    assert ours == []


def test_systemd_finds_little_exposed() -> None:
    analyze = needs("systemd-analyze")
    for name in UNITS:
        options = ["security", "--offline=true", "--no-pager", "--threshold=25"]
        command = [analyze, *options, str(DEPLOY / name)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if "unrecognized option" in done.stderr:
            pytest.skip("this systemd-analyze cannot look at a unit that is not loaded")
        assert done.returncode == 0, done.stdout[-300:] + done.stderr


# --- Caddy ---


def directives() -> list[str]:
    lines = (line.strip() for line in CADDYFILE.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def port_of_the_web_service() -> str:
    (found,) = re.findall(r"--bind 127\.0\.0\.1:(\d+)", unit(UNITS[0])["Service"]["ExecStart"])
    return str(found)


def test_the_proxy_hands_on_to_where_the_service_listens() -> None:
    assert f"reverse_proxy 127.0.0.1:{port_of_the_web_service()} {{" in directives()


def test_the_proxy_neither_packs_nor_redirects_nor_asks_for_a_password() -> None:
    verbs = {line.split()[0] for line in directives()}
    assert verbs.isdisjoint({"encode", "redir", "rewrite", "uri", "basicauth", "basic_auth", "forward_auth"})
    assert "auto_https disable_redirects" in directives()


def test_the_proxy_lets_through_what_the_server_would_take() -> None:
    (megabytes,) = re.findall(r"max_size (\d+)MB", CADDYFILE)
    assert int(megabytes) > Settings.model_fields["max_body_mb"].default


def test_the_proxy_keeps_the_numbers_to_itself() -> None:
    assert "respond /metrics 404" in directives()


def test_the_braces_of_the_caddyfile_match() -> None:
    depth = 0
    for line in directives():
        depth += line.endswith("{") - (line == "}")
        assert depth >= 0
    assert depth == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def caddy_in_front_of(address: str, folder: Path) -> Iterator[str]:
    """Our Caddyfile on a loopback port without TLS, in front of an address; its own address."""
    port = free_port()
    text = CADDYFILE.replace("auto_https disable_redirects", "auto_https off\n\tadmin off")
    text = text.replace("sync.example.com {", f"http://localhost:{port} {{\n\tbind 127.0.0.1")
    text = text.replace(f"127.0.0.1:{port_of_the_web_service()}", address.removeprefix("http://"))
    (folder / "Caddyfile").write_text(text, "utf-8")
    command = [needs("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    own = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=own) as running,
    ):
        try:
            _wait_until_open(port, running)
            yield f"http://localhost:{port}"
        finally:
            running.terminate()


def _wait_until_open(port: int, running: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while running.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("caddy does not listen")


def echo(environ: Any, start_response: Any) -> list[bytes]:
    size = int(environ.get("CONTENT_LENGTH") or 0)
    took = len(environ["wsgi.input"].read(size))
    seen = {name: value for name, value in environ.items() if name.startswith("HTTP_X_FORWARDED")}
    body = json.dumps({"path": environ["PATH_INFO"], "took": took, **seen}).encode()
    start_response("200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


def test_caddy_hands_calls_on_as_the_web_connector_needs_it(tmp_path: Path) -> None:
    needs("caddy")
    with served(echo) as address, caddy_in_front_of(address, tmp_path) as front:
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "Accept-Encoding": "gzip",
            "X-Forwarded-For": "6.6.6.6",
        }
        options: dict[str, Any] = {"headers": headers, "timeout": 30, "allow_redirects": False}
        answer = requests.post(f"{front}/qbwc", data=b"x" * 3_000_000, **options)
        hidden = requests.get(f"{front}/metrics", **options)
    told = answer.json()
    assert (answer.status_code, told["path"], told["took"]) == (200, "/qbwc", 3_000_000)
    assert "Content-Encoding" not in answer.headers
    assert (told["HTTP_X_FORWARDED_FOR"], told["HTTP_X_FORWARDED_PROTO"]) == ("127.0.0.1", "http")
    assert hidden.status_code == 404


# --- settings ---


def test_the_example_of_the_settings_is_taken(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "settings.example.toml", tmp_path / "settings.toml")
    settings = load_settings(tmp_path)
    assert settings.proxies == 1
    assert settings.public_url in (ROOT / "README.md").read_text("utf-8")


def test_the_example_of_the_environment_names_real_settings() -> None:
    named = set(
        re.findall(r"^#?(QBWC_[A-Z_]+)=", (DEPLOY / "environment.example").read_text("utf-8"), re.MULTILINE)
    )
    assert named <= {f"QBWC_{name.upper()}" for name in Settings.model_fields} | {KEY_VARIABLE}


# --- the container ---


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", " ", CONTAINERFILE)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(verb, rest) for verb, _, rest in (line.partition(" ") for line in lines)]


def test_the_container_is_made_of_files_that_are_here() -> None:
    copied = [rest.split()[:-1] for verb, rest in instructions() if verb == "COPY" and "--from" not in rest]
    names = [name for group in copied for name in group]
    assert [name for name in names if not (ROOT / name).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(shipped) | {"pyproject.toml", "requirements.lock", "README.md", "LICENSE"} == set(names)


def test_the_container_does_not_run_as_root() -> None:
    verbs = [verb for verb, _ in instructions()]
    assert dict(instructions())["USER"] == "qbwc-server"
    assert verbs.index("USER") < verbs.index("CMD")


def test_the_container_keeps_its_home_in_the_volume() -> None:
    said = dict(instructions())
    assert f"QBWC_HOME={said['VOLUME']}" in said["ENV"]


def test_the_container_runs_commands_that_exist() -> None:
    shell, option, script = json.loads(dict(instructions())["CMD"])
    assert (shell, option) == ("sh", "-c")
    for command in re.split(r"&& (?:exec )?", script):
        program, *arguments = command.split()
        assert program == "qbwc-server"
        assert refusal(arguments) == ""


def test_the_container_has_a_python_that_we_test() -> None:
    versions = set(re.findall(r"^FROM python:(\d\.\d+)-slim", CONTAINERFILE, re.MULTILINE))
    assert versions <= {"3.11", "3.12", "3.13"}
    assert len(versions) == 1


# --- scripts ---


@pytest.mark.parametrize(
    "script", ["deploy/make_venv.sh", "deploy/qbwc-server", "tests/system_parts.sh", ".ci/run"]
)
def test_the_shell_can_read_the_script(script: str) -> None:
    path = ROOT / script
    shell = path.read_text("utf-8").splitlines()[0].rpartition("/")[2].split()[-1]
    assert path.stat().st_mode & 0o111
    assert (
        subprocess.run([shell, "-n", str(path)], capture_output=True, timeout=30, check=False).returncode == 0
    )


def test_an_unfit_python_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n", "utf-8")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["bash", str(DEPLOY / "make_venv.sh"), str(tmp_path / "venv")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert not (tmp_path / "venv").exists()
