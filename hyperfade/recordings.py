"""Recorded files opened for a replay: all of them merged by time, with a name made of their content."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from pathlib import Path

from core.errors import UsageError
from core.model.fills import Fill
from core.model.market import DAY_MS, WINDOW_MS, Bar, Trade
from core.ranking.chain import order_fills
from core.services.replaying import Moment, time_of
from exchange.archive.archive import open_archive
from exchange.archive.market import open_bars, open_recording, sniff


@dataclass(frozen=True, slots=True)
class Recording:
    """What the files hold, in time order; ``digest`` is the SHA-256 over the files'."""

    names: tuple[str, ...]
    digest: str
    fills: tuple[Fill, ...]
    """By time; execution order inside each account."""
    trades: tuple[Trade, ...]
    bars: tuple[tuple[str, Bar], ...]

    def moments(self) -> Iterator[Moment]:
        """Yield everything by time; at one time candles first, then trades, then fills."""
        parts: Sequence[Iterable[Moment]] = (self.bars, self.trades, self.fills)
        return merge(*parts, key=time_of)

    def __len__(self) -> int:
        return len(self.fills) + len(self.trades) + len(self.bars)


def open_recordings(paths: Sequence[Path], account: str | None) -> Recording:
    """Read all files. Blocks; raises ArchiveError when one can't be read or isn't of a known form."""
    fills: list[Fill] = []
    trades: list[Trade] = []
    bars: list[tuple[str, Bar]] = []
    digest = hashlib.sha256()
    for path in paths:
        match sniff(path):
            case "fills":
                archive = open_archive(path, account)
                fills += archive.fills()
                digest.update(archive.file_hash.encode())
            case "trades":
                for heard in open_recording(path):
                    trades += () if heard.is_history else heard.trades
                digest.update(path.read_bytes())
            case "bars":
                bars += open_bars(path)
                digest.update(path.read_bytes())
    if not fills and not trades:
        raise UsageError("there is nothing to replay: expected fills or recorded trades beside candles")
    fills = _merged(fills)
    trades.sort(key=lambda trade: trade.time_ms)
    times = [
        *(f.time_ms for f in (*fills[:1], *fills[-1:])),
        *(t.time_ms for t in (*trades[:1], *trades[-1:])),
    ]
    useful = [one for one in bars if min(times) - WINDOW_MS <= one[1].close_ms <= max(times) + DAY_MS]
    useful.sort(key=lambda one: (one[1].close_ms, one[1].coin, one[0]))
    return Recording(
        tuple(path.name for path in paths), digest.hexdigest(), tuple(fills), tuple(trades), tuple(useful)
    )


def _merged(fills: Sequence[Fill]) -> list[Fill]:
    """Return the fills of all files by time, each once, in execution order inside each account."""
    once = {(fill.user, fill.coin, fill.time_ms, fill.tid): fill for fill in reversed(fills)}
    ordered = order_fills(reversed(once.values()))
    return sorted(ordered, key=lambda fill: fill.time_ms)  # stable: keeps each account's order
