import json
from importlib.resources import files
from pathlib import Path

import pytest

import qbwc_server.mapping
from qbwc_server.mapping import CONVERTERS, load_profile, shipped
from qbwc_server.mapping.document import filled, schema_text, write

README = Path(qbwc_server.mapping.__file__).with_name("README.md")
RENEW = "run: python -m qbwc_server.mapping"


def test_the_tables_of_the_readme_are_those_of_the_code():
    text = README.read_text("utf-8")
    assert filled(text) == text, RENEW
    assert all(f"| {name} |" in text for name in CONVERTERS)


def test_the_schema_of_profiles_is_that_of_the_models():
    kept = (files("schemas") / "profiles" / "profile.schema.json").read_text("utf-8")
    assert kept == schema_text(), RENEW


def test_the_schema_offers_the_converters_and_hides_what_fitting_adds():
    rule = json.loads(schema_text())["$defs"]["Rule"]["properties"]
    assert rule["converter"]["enum"] == sorted(CONVERTERS)
    assert "shape" not in rule


def test_a_profile_survives_being_written_as_json():
    for name in shipped():
        profile = load_profile(name)
        assert type(profile).model_validate_json(profile.model_dump_json()) == profile


def test_a_readme_without_its_marks_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="generated: converters"):
        filled("# mapping\n")
    copy, schema = tmp_path / "README.md", tmp_path / "schema.json"
    copy.write_text(README.read_text("utf-8").replace("| boolean |", "| bool |"), "utf-8")
    write(copy, schema)
    assert copy.read_text("utf-8") == README.read_text("utf-8")
    assert schema.read_text("utf-8") == schema_text()
