"""What counts as an account's name."""

import re

from core.errors import UsageError
from core.model.market import Address

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_LABEL = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


def parse_address(text: str, *, allow_label: bool = False) -> Address:
    """Return ``0x`` + 40 hex in lower case; with ``allow_label`` an archive's own label as it is.

    Raises UsageError for anything else; what begins with ``0x`` is never taken for a label.
    """
    text = text.strip()
    if _ADDRESS.fullmatch(text):
        return Address(text.lower())
    if allow_label and _LABEL.fullmatch(text) and not text.lower().startswith("0x"):
        return Address(text)
    wanted = "0x and 40 hexadecimal digits" + (", or a label such as leader-acc6" if allow_label else "")
    raise UsageError(f"{text[:80]!r} is not an account address: expected {wanted}.")
