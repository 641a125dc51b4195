"""The two big lists of the statistics host: leaderboard rows and vaults, one row at a time."""

import re

from msgspec import Struct

from core.model.fills import LeaderboardRow
from core.model.market import Address
from exchange.wire.decode import Account, Exact, Payload, refuse

MAX_ROW_BYTES = 1 << 20
"""A leaderboard row has about 830 bytes, a vault's about 2,000; more than this is no row."""

KNOWN_VAULTS = frozenset(
    Address(address)
    for address in (
        "0xdfc24b077bc1425ad1dea75bcb6f8158e10df303",  # HLP
        "0x010461c14e146ac35fe42271bdc1134ee31c703a",  # its children
        "0x31ca8395cf837de08b24da3f660e77761dfb974b",
        "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14",  # its liquidator
    )
)


class Performance(Struct, frozen=True):
    """One window of a leaderboard row: USD, a fraction, USD."""

    pnl: Exact
    roi: Exact
    vlm: Exact


class Row(Struct, frozen=True, rename="camel"):
    """One row of the leaderboard; ``displayName`` is a stranger's text."""

    eth_address: Account
    account_value: Exact
    window_performances: list[tuple[str, Performance]]
    display_name: str | None = None


class ChildVaults(Struct, frozen=True, rename="camel"):
    """A parent vault's children."""

    child_addresses: list[Account] = []


class Relationship(Struct, frozen=True):
    """How a vault relates to others."""

    type: str = "normal"
    data: ChildVaults | None = None


class VaultSummary(Struct, frozen=True, rename="camel"):
    """What is used of a vault's summary."""

    vault_address: Account
    relationship: Relationship | None = None


class VaultRow(Struct, frozen=True, rename="camel"):
    """One row of the vault list: a summary, alone or inside ``summary``."""

    summary: VaultSummary | None = None
    vault_address: Account | None = None
    relationship: Relationship | None = None


leaderboard_row = Payload[Row]("leaderboardRows", Row)
vault_row = Payload[VaultRow]("vaults", VaultRow)


_ADDRESS = re.compile(r"0x[0-9a-f]{40}", re.ASCII)


def is_address(account: str) -> bool:
    """Tell whether requests about an account are answered: 0x and 40 hex digits, in lower case."""
    return _ADDRESS.fullmatch(account) is not None


def leaderboard_row_of(body: bytes) -> LeaderboardRow:
    """Decode and convert one row; a row without a month is refused."""
    row = leaderboard_row.decode(body)
    for window, figures in row.window_performances:
        if window == "month":
            address = Address(row.eth_address.lower())
            return LeaderboardRow(
                address, row.account_value, figures.pnl, figures.roi, figures.vlm, row.display_name
            )
    raise refuse("leaderboardRows", "no window `month` - at `leaderboardRows.windowPerformances`", body)


def vaults_of(body: bytes) -> frozenset[Address]:
    """Return the addresses that one row of the vault list names: the vault and its children."""
    row = vault_row.decode(body)
    summary = row.summary
    address = row.vault_address if summary is None else summary.vault_address
    if address is None:
        raise refuse("vaults", "no `vaultAddress` - at `vaults.summary`", body)
    kin = row.relationship if summary is None else summary.relationship
    children = [] if kin is None or kin.data is None else kin.data.child_addresses
    return frozenset(Address(a.lower()) for a in (address, *children))


# A whole string is one token, so that its braces and brackets can't be mistaken for structure.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*("?)|[{}\[\]]', re.DOTALL)


class RowSplitter:
    """Cut a JSON document that arrives in pieces into the elements of one of its arrays.

    The array is the document itself (``key=None``) or the value of ``key`` in the outermost object.
    Elements must be objects. Holds no more than one element and one piece.
    """

    def __init__(self, name: str, key: str | None) -> None:
        self._name = name
        self._key = None if key is None else b'"%b"' % key.encode()
        self._row_depth = 1 if key is None else 2
        self._rest = b""  # what isn't done with: an unfinished row or string
        self._at = 0  # how far it has been looked through
        self._depth = 0
        self._row_starts_at: int | None = None
        self._inside = False  # between the array's brackets
        self._last_string = b""
        self.is_complete = False
        """True after the array's closing bracket."""

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the elements that are complete with this piece; refuse one that is too long."""
        text = self._rest + piece
        rows: list[bytes] = []
        for token in _TOKEN.finditer(text, self._at):
            start, self._at = token.span()
            mark = text[start]
            if mark == 0x22:  # a string
                if not token.group(1):  # whose end hasn't arrived
                    self._at = start
                    break
                if self._depth == 1:
                    self._last_string = token.group()
            elif mark in b"{[":
                self._open(mark, start)
            else:
                self._depth -= 1
                if self._row_starts_at is not None and self._depth == self._row_depth:
                    rows.append(text[self._row_starts_at : self._at])
                    self._row_starts_at = None
                elif self._inside and self._depth < self._row_depth:
                    self._inside, self.is_complete = False, True
        else:
            self._at = len(text)
        self._keep(text)
        return rows

    def _open(self, mark: int, at: int) -> None:
        if self._inside and self._row_starts_at is None:
            self._row_starts_at = at
        elif (
            not self._inside and not self.is_complete and mark == 0x5B and self._depth == self._row_depth - 1
        ):
            self._inside = self._key is None or self._last_string == self._key
        self._depth += 1

    def _keep(self, text: bytes) -> None:
        start = self._at if self._row_starts_at is None else self._row_starts_at
        self._rest = text[start:]
        self._at -= start
        if self._row_starts_at is not None:
            self._row_starts_at = 0
        if len(self._rest) > MAX_ROW_BYTES:
            raise refuse(self._name, f"a row of more than {MAX_ROW_BYTES} bytes", self._rest)
