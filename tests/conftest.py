"""What every test may use: where the shared reference material is, if it is here at all."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture
def shared() -> Path:
    """The reference material beside a checkout; a test that needs it skips where it is absent."""
    if not (SHARED / "reference").is_dir():
        pytest.skip("the shared reference folder is not beside this checkout")
    return SHARED
