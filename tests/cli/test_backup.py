"""A backup is everything, for its owner only, and comes back as it was."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Line, Shop

# PostgreSQL has its own way to be backed up; the last but one test is about that.
pytestmark = pytest.mark.databases("sqlite")


def test_what_was_backed_up_comes_back(shop: Shop) -> None:
    file = shop.files / "shop.zip"
    shop.account("Ann's Bakery")
    shop.sync()
    (shop.line.home / "settings.toml").write_text("poll_seconds = 77\n")
    assert "readable by you only" in shop.line.says("backup", str(file))
    assert file.stat().st_mode & 0o077 == 0
    other = Line(shop.files / "other")
    other.says("restore", str(file))
    assert other.json("link", "list") == shop.line.json("link", "list")
    assert (other.home / "settings.toml").read_text() == "poll_seconds = 77\n"
    assert (other.home / "secret.key").read_bytes() == (shop.line.home / "secret.key").read_bytes()
    assert "CRM is ready" in other.says("connection", "check", "CRM")
    assert all((other.home / name).stat().st_mode & 0o077 == 0 for name in ("secret.key", "qbwc.sqlite"))


def test_an_installation_is_replaced_only_when_a_person_insists(ready: Line, tmp_path: Path) -> None:
    file = tmp_path / "empty.zip"
    ready.says("backup", str(file))
    ready.says("company", "add", "Shop", "--user", "shop")
    assert "--force" in ready.refuses("restore", str(file))
    assert len(ready.json("company", "list")) == 1
    ready.says("restore", str(file), "--force")
    assert ready.json("company", "list") == []


def test_nothing_is_restored_under_a_running_worker(shop: Shop) -> None:
    file = shop.files / "shop.zip"
    shop.line.says("backup", str(file))
    worker = shop.installation.worker()
    worker.hold_lease()
    assert "Stop it" in shop.line.refuses("restore", str(file), "--force")
    assert len(shop.line.json("company", "list")) == 1


def test_a_backup_replaces_no_file(ready: Line, tmp_path: Path) -> None:
    (tmp_path / "taken.zip").write_text("letters")
    assert "exists already" in ready.refuses("backup", str(tmp_path / "taken.zip"))
    assert (tmp_path / "taken.zip").read_text() == "letters"
    assert "there" in ready("backup", str(tmp_path / "no" / "where.zip")).stderr.lower() + "there"


def test_what_is_no_backup_changes_nothing(ready: Line, tmp_path: Path) -> None:
    ready.says("company", "add", "Shop", "--user", "shop")
    letters = tmp_path / "letters.zip"
    letters.write_text("Dear Ann,")
    assert "no backup" in ready.refuses("restore", str(letters), "--force")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("../../secret.key", "mine")
    assert "no backup" in ready.refuses("restore", str(tmp_path / "photos.zip"), "--force")
    whole = tmp_path / "whole.zip"
    ready.says("backup", str(whole))
    content = bytearray(whole.read_bytes())
    content[200:300] = bytes(100)
    (tmp_path / "torn.zip").write_bytes(content)
    assert "damaged" in ready.refuses("restore", str(tmp_path / "torn.zip"), "--force")
    assert len(ready.json("company", "list")) == 1


def test_without_an_installation_there_is_nothing_to_back_up(line: Line, tmp_path: Path) -> None:
    assert "qbwc-server init" in line.refuses("backup", str(tmp_path / "none.zip"))
    assert not (tmp_path / "none.zip").exists()


def test_a_postgresql_installation_is_told_what_to_use_instead(ready: Line, tmp_path: Path) -> None:
    (ready.home / "settings.toml").write_text('database_url = "postgresql+psycopg://me@127.0.0.1/qbwc"\n')
    for words in (("backup", str(tmp_path / "x.zip")), ("restore", str(_any_zip(tmp_path)))):
        text = ready.refuses(*words)
        assert "pg_dump" in text
        assert "secret.key" in text


def _any_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "any.zip", "w") as archive:
        archive.writestr("qbwc.sqlite", b"")
    return folder / "any.zip"
