"""What tests of child processes share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let children import the tree that is tested, wherever they are started."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
