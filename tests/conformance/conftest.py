"""A company file, and somebody at a desk who speaks qbXML to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile
from tests.conformance.desk import XSD, Clock, Desk


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema | None:
    return etree.XMLSchema(etree.parse(str(XSD))) if XSD.is_file() else None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def company(tmp_path: Path, clock: Clock) -> Iterator[CompanyFile]:
    file = CompanyFile.create(
        tmp_path / "conformance.sqlite",
        company_name="Conformance Ltd",
        timezone="America/New_York",
        clock=clock,
    )
    yield file
    file.close()


@pytest.fixture
def desk(company: CompanyFile, clock: Clock, schema: etree.XMLSchema | None) -> Desk:
    return Desk(company, clock, schema)
