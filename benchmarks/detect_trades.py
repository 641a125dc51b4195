"""Frames of the whole market's trades through filter and detection, against their bare decoding.

Ours: the tape (light decode, filter, exact decode of what names a watched account), the inbox, and
the detector with its rules and a book. No socket and no database on either side.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from time import perf_counter

from benchmarks.measuring import Figures, Params, Plan, Report, Rounds, in_turn, run_side

TRADES = 500_000
TRADES_A_FRAME = 20
SHARES = (0.0001, 0.01)
WATCHED = 600
COINS = 40
STRANGERS = 20_000
START_MS = 1_790_000_000_000
FRAME_MS = 20
FRAMES_A_SECOND = 1000 // FRAME_MS
FRAMES_A_TURN = 10
"""Frames taken before the reader gets its turn, as on a busy socket."""


async def measure(plan: Plan) -> Report:
    """Measure trades a second with few and with many matches, and those of a bare decode."""
    rows, details = [], {}
    for share in SHARES:
        with tempfile.TemporaryDirectory(prefix="hyperfade-bench-") as folder:
            params = {
                "file": str(Path(folder) / "frames"),
                "trades": plan.scaled(TRADES, 2000),
                "share": share,
            }
            await run_side("detect_trades", "made", params)
            rounds = await in_turn("detect_trades", ("ours", "bare", "light"), plan.rounds_or(5), params)
        rows.append(
            rounds.row(
                "detect", f"{share:.2%} of trades watched", "trades/s", "trades_per_s", better="higher"
            )
        )
        details[f"{share:.2%}"] = _details(rounds)
    return Report(rows, details)


def _details(rounds: Rounds) -> dict[str, float]:
    ours = rounds.of("ours", "trades_per_s")
    return {
        "watched fills": rounds.of("ours", "fills"),
        "published": rounds.of("ours", "published"),
        "ratio to a decode of four fields only": ours / rounds.of("light", "trades_per_s"),
    }


def frames_of(trades: int, share: float, seed: int = 3) -> list[bytes]:
    """Return frames as the exchange sends them, of one coin each; this share names a watched account."""
    rng = Random(seed)
    px = [10.0 ** rng.uniform(-0.5, 4.5) for _ in range(COINS)]
    strangers = [f"0x{rng.getrandbits(160):040x}" for _ in range(STRANGERS)]
    frames, tid = [], 0
    for number in range(trades // TRADES_A_FRAME):
        coin, time_ms = rng.randrange(COINS), START_MS + number * FRAME_MS
        px[coin] *= 1 + rng.gauss(0, 1e-4)
        rows = []
        for _ in range(TRADES_A_FRAME):
            tid += 1
            users = rng.sample(strangers, 2)
            if rng.random() < share:
                users[rng.randrange(2)] = watched_address(rng.randrange(WATCHED))
            usd = 10.0 ** rng.uniform(1, 4.5)
            rows.append(
                {
                    "coin": f"C{coin:02d}",
                    "side": rng.choice("AB"),
                    "px": f"{px[coin]:.5g}",
                    "sz": f"{usd / px[coin]:.4f}",
                    "time": time_ms,
                    "hash": f"0x{rng.getrandbits(256):064x}",
                    "tid": tid,
                    "users": users,
                }
            )
        frames.append(json.dumps({"channel": "trades", "data": rows}, separators=(",", ":")).encode())
    return frames


def _write(params: Params) -> Figures:
    Path(params["file"]).write_bytes(b"\n".join(frames_of(params["trades"], params["share"])))
    return {}


def _read(params: Params) -> list[bytes]:
    return Path(params["file"]).read_bytes().split(b"\n")


def watched_address(number: int) -> str:
    """Return a watched account's address."""
    return f"0x{number + 1:040x}"


def _bare(params: Params) -> Figures:
    """Decode every trade of every frame whole, numbers left as text."""
    import msgspec

    class Trade(msgspec.Struct, gc=False):
        coin: str
        side: str
        px: str
        sz: str
        time: int
        hash: str
        tid: int
        users: tuple[str, str]

    class Frame(msgspec.Struct, gc=False):
        channel: str
        data: list[Trade]

    return _decode(params, msgspec.json.Decoder(Frame).decode)


def _light(params: Params) -> Figures:
    """Decode what our filter looks at and nothing else."""
    from exchange.wire import frames

    return _decode(params, frames.light_trades.bare)


def _decode(params: Params, decode: Callable[[bytes], object]) -> Figures:
    frames = _read(params)
    began = perf_counter()
    for raw in frames:
        decode(raw)
    ended = perf_counter()
    return {"trades_per_s": len(frames) * TRADES_A_FRAME / (ended - began)}


def _ours(params: Params) -> Figures:
    from decimal import Decimal

    from core.detection.detector import Detector
    from core.detection.identity import LIVE
    from core.model.market import Address, Book, Coin, Level
    from core.model.opportunities import DetectionRules, Group, Watch
    from core.ports import TradesHeard
    from core.services.listening import fills_of_trade
    from exchange.inbox import Inbox
    from exchange.tape import Tape

    frames = _read(params)
    watched = frozenset(Address(watched_address(number)) for number in range(WATCHED))
    detector = Detector(DetectionRules(), LIVE, by_order=False, book_is_required=True)
    detector.watch({one: Watch(one, Group.LOSER, 1, 60.0) for one in watched})
    detector.market.listed = frozenset(Coin(f"C{coin:02d}") for coin in range(COINS))
    for account in watched:
        detector.tracker(account).seed({})

    def book(coin: Coin) -> Book:
        bid, ask = Decimal("99.99"), Decimal("100.01")
        return Book(coin, 0, (Level(bid, Decimal(1000)),), (Level(ask, Decimal(1000)),))

    inbox = Inbox()
    tape = Tape(inbox)
    tape.watched = watched
    fills_heard = published = 0

    async def hear() -> None:
        nonlocal fills_heard, published
        while True:
            item = await inbox.get()
            assert isinstance(item, TradesHeard)
            fills = [fill for trade in item.trades for fill in fills_of_trade(trade, watched)]
            fills_heard += len(fills)
            for update in detector.hear(fills):
                detector.end_by_event(update, item.received_ms)
                asks = detector.wants_book(update, item.received_ms)
                found = book(update.event.coin) if asks else None
                decision = detector.answer(update, item.received_ms, found)
                published += decision is not None and decision.opportunity is not None

    async def take_all() -> None:
        since_ms: dict[str, int] = {}
        hearing = asyncio.create_task(hear())
        for number, raw in enumerate(frames):
            now_ms = START_MS + number * FRAME_MS
            tape.take(raw, since_ms, now_ms)
            if number % FRAMES_A_TURN == 0:
                await asyncio.sleep(0)
            if number % FRAMES_A_SECOND == 0:
                for update in detector.settle(now_ms):
                    detector.answer(update, now_ms, None)
        await asyncio.sleep(0)
        hearing.cancel()

    began = perf_counter()
    asyncio.run(take_all())
    ended = perf_counter()
    return {
        "trades_per_s": len(frames) * TRADES_A_FRAME / (ended - began),
        "fills": fills_heard,
        "published": published,
    }


SIDES: Mapping[str, Callable[[Params], Figures]] = {
    "made": _write,
    "ours": _ours,
    "bare": _bare,
    "light": _light,
}
