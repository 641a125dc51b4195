"""Fixtures that several rooms' tests share."""

from pathlib import Path

import pytest

pytest_plugins = ("tests.support.fixtures", "tests.support.postgres")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of recorded payloads and real fills beside the checkout, or skip."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the recorded data beside the checkout (../shared) is absent")
    return SHARED
