"""Named SQL statements, read from the files in ``sql/``."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

FOLDER = Path(__file__).parent / "sql"
_HEAD = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def statements(subject: str) -> Mapping[str, str]:
    """Return the statements of ``sql/<subject>.sql`` by name.

    Each begins with ``-- name: it``; the comment lines that follow say what it is for.
    """
    pieces = _HEAD.split((FOLDER / f"{subject}.sql").read_text(encoding="utf-8"))
    return MappingProxyType({pieces[i]: pieces[i + 1].strip() for i in range(1, len(pieces), 2)})
