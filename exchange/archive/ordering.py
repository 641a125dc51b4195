"""Execution order of an archive's rows, in bounded memory; changes when a file's order can differ anew.

Time alone doesn't order fills. Inside a time stamp the file's own order holds, turned round where an
account's rows run newest first, and is repaired by chaining start positions where it doesn't chain.
Files whose times run forward stream through; others are sorted by time on disk first.
"""

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import IO

import msgspec

from core.model.fills import Fill
from core.model.market import Address, Coin
from core.ports import ArchiveRow
from core.ranking.chain import order_fills
from exchange.archive.lines import Numbered
from exchange.archive.records import BadRow, Record

SORTED_IN_MEMORY = 200_000
"""Rows of a file in disorder that are sorted at a time; about 150 MB."""

LINK_TOLERANCE = 1e-6

ToFill = Callable[[Record, int, int], Fill]
"""Makes a record, its number and its ``seq`` into a fill, or raises BadRow."""

Placed = tuple[int, int, Record]
"""Time, number and record: what sorting compares is the first two, which are unique."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over a file told about its order."""

    rows: int
    runs_forward: bool
    """Times never run back inside an account, and rows of one time stamp stand together."""
    newest_first: frozenset[str | None]
    """Accounts (as printed) whose rows run backward inside a time stamp too."""


class _Seen:
    __slots__ = ("ascending", "backward_links", "descending", "forward_links", "last", "run")

    def __init__(self, last: Record, run: int) -> None:
        self.last, self.run = last, run
        self.ascending = self.descending = self.forward_links = self.backward_links = 0

    def is_newest_first(self) -> bool:
        """Tell whether the rows run backward; the servers of 2023 turned round the times only."""
        return self.descending > self.ascending and self.forward_links <= self.backward_links

    def count_link(self, record: Record) -> None:
        """Count which way two neighbours of one time stamp chain."""
        before, after = _ends(self.last), _ends(record)
        if before is not None and after is not None and self.last.coin == record.coin:
            self.forward_links += abs(before[1] - after[0]) < LINK_TOLERANCE
            self.backward_links += abs(after[1] - before[0]) < LINK_TOLERANCE


def _ends(record: Record) -> tuple[float, float] | None:
    """Return the position before and after, near enough to see a link; None where that isn't told."""
    try:
        start, size = float(record.start_position or "x"), float(record.sz)
    except ValueError:
        return None
    return start, start + (size if record.side == "B" else -size)


def survey(rows: Iterable[Numbered]) -> Survey:
    """Read all rows and tell how they are ordered."""
    seen: dict[str | None, _Seen] = {}
    count, run, run_time, forward = 0, 0, -1, True
    for _, record in rows:
        count += 1
        if isinstance(record, str):
            continue
        time = record.time
        if time != run_time:
            run, run_time = run + 1, time
        account = seen.get(record.user)
        if account is None:
            seen[record.user] = _Seen(record, run)
            continue
        if time > account.last.time:
            account.ascending += 1
        elif time < account.last.time:
            account.descending += 1
            forward = False
        elif account.run != run:
            forward = False
        elif account.descending > account.ascending:
            account.count_link(record)
        account.last, account.run = record, run
    backward = frozenset(user for user, it in seen.items() if it.is_newest_first())
    return Survey(count, forward, backward)


def in_execution_order(
    rows: Iterable[Numbered], known: Survey, to_fill: ToFill, held_rows: int = SORTED_IN_MEMORY
) -> Iterator[ArchiveRow]:
    """Yield every row once: fills in execution order inside each account, ``seq`` set.

    At most ``held_rows`` of a file in disorder are in memory at a time.
    """
    accounts = _Accounts(known.newest_first, to_fill)
    group: list[tuple[int, Record]] = []
    time = -1
    for number, record in rows if known.runs_forward else _by_time(rows, held_rows):
        if isinstance(record, str):
            yield ArchiveRow(number, None, record)
            continue
        if record.time != time:
            if group:
                yield from accounts.settle(group)
            group, time = [], record.time
        group.append((number, record))
    if group:
        yield from accounts.settle(group)


class _Accounts:
    """Turns the rows of one time stamp into fills, knowing each account's last fill in each coin."""

    def __init__(self, newest_first: frozenset[str | None], to_fill: ToFill) -> None:
        self._newest_first = newest_first
        self._to_fill = to_fill
        self._last: dict[tuple[Address, Coin], Fill] = {}

    def settle(self, group: list[tuple[int, Record]]) -> Iterator[ArchiveRow]:
        """Yield the group's rows: bad ones and repeated ones beside the ordered fills."""
        if len(group) == 1:
            number, record = group[0]
            try:
                fill = self._to_fill(record, number, 0)
            except BadRow as problem:
                yield ArchiveRow(number, None, str(problem))
                return
            self._last[fill.user, fill.coin] = fill
            yield ArchiveRow(number, fill)
            return
        by_account: dict[str | None, list[tuple[int, Record]]] = {}
        for item in group:
            by_account.setdefault(item[1].user, []).append(item)
        merged: dict[Address, list[tuple[int, Fill]]] = {}
        for user, items in by_account.items():
            if user in self._newest_first:
                items.reverse()
            yield from self._convert(items, merged)
        for numbered in merged.values():
            yield from self._ordered(numbered)

    def _convert(
        self, items: list[tuple[int, Record]], merged: dict[Address, list[tuple[int, Fill]]]
    ) -> Iterator[ArchiveRow]:
        """Add the good rows to ``merged`` by account, and yield the others."""
        known_ids: set[tuple[Coin, int | None]] = set()
        for number, record in items:
            try:
                fill = self._to_fill(record, number, len(known_ids))
            except BadRow as problem:
                yield ArchiveRow(number, None, str(problem))
                continue
            key = (fill.coin, fill.tid)
            if key in known_ids:
                yield ArchiveRow(number)
                continue
            known_ids.add(key)
            merged.setdefault(fill.user, []).append((number, fill))

    def _ordered(self, numbered: list[tuple[int, Fill]]) -> Iterator[ArchiveRow]:
        fills = [fill for _, fill in numbered]
        if not self._chain_as_given(fills):
            keys = dict.fromkeys((fill.user, fill.coin) for fill in fills)
            before = [self._last[key] for key in keys if key in self._last]
            fills = order_fills([*before, *fills])[len(before) :]
        numbers = {(fill.coin, fill.tid): number for number, fill in numbered}
        for fill in fills:
            self._last[fill.user, fill.coin] = fill
            yield ArchiveRow(numbers[fill.coin, fill.tid], fill)

    def _chain_as_given(self, fills: list[Fill]) -> bool:
        """Tell whether one account's fills chain to the last digit and number, which most do.

        ``order_fills`` would leave these as they are too, but takes several times as long.
        """
        ends: dict[Coin, Decimal] = {}
        for seq, fill in enumerate(fills):
            start = fill.start_position
            if start is None or fill.seq != seq:
                return False
            expected = ends.get(fill.coin)
            if expected is None:
                last = self._last.get((fill.user, fill.coin))
                if last is not None and last.start_position is not None:
                    expected = last.start_position + last.signed_sz
            if expected is not None and start != expected:
                return False
            ends[fill.coin] = start + fill.signed_sz
        return True


def _by_time(rows: Iterable[Numbered], held_rows: int) -> Iterator[Numbered]:
    """Yield rows by time, then by number; rows without a time first, as they come."""
    with ExitStack() as files:
        runs: list[Iterator[Placed]] = []
        held: list[Placed] = []
        for number, record in rows:
            if isinstance(record, str):
                yield number, record
                continue
            held.append((record.time, number, record))
            if len(held) >= held_rows:
                runs.append(_spilled(held, files))
                held = []
        held.sort(key=_place)
        for _, number, record in heapq.merge(*runs, held, key=_place):
            yield number, record


def _place(item: Placed) -> tuple[int, int]:
    return item[0], item[1]


def _spilled(items: list[Placed], files: ExitStack) -> Iterator[Placed]:
    """Write items, sorted, to a temporary file and return a reader of it."""
    items.sort(key=_place)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - read back lazily; the stack closes it
    files.callback(file.close)
    encode = msgspec.msgpack.Encoder().encode
    for item in items:
        data = encode(item)
        file.write(len(data).to_bytes(4, "big"))
        file.write(data)
    file.seek(0)
    return _read_back(file)


def _read_back(file: IO[bytes]) -> Iterator[Placed]:
    decode = msgspec.msgpack.Decoder(Placed).decode
    while size := file.read(4):
        yield decode(file.read(int.from_bytes(size, "big")))
