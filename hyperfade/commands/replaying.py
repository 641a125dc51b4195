"""`replay`: recorded files through the real pipeline, or served as an exchange."""

import asyncio
import contextlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from core.answers import performance_of
from core.detection.detector import Detector
from core.errors import UsageError
from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.opportunities import Ending, Opportunity
from core.model.outcomes import ScoredOpportunity
from core.model.traders import Horizon
from core.scoring.evidence import evidence
from core.services.detecting import Concluded
from core.services.ranking import FillRanker
from core.services.replaying import REHEARSAL, ReplayReport, ReplayService
from hyperfade.database import open_storage
from hyperfade.recordings import Recording, open_recordings
from hyperfade.settings import load_settings
from messages.json import row_to_dict, to_dict
from messages.json_values import Json, time
from messages.render import render_answer
from notifiers.console import ConsoleNotifier
from storage.publications import Publications

FULL_SPEED = "max"
TERMINAL = Target(Channel.CONSOLE, "stdout")


async def replay_files(
    paths: Sequence[Path], *, watch: str, speed: str, account: str | None, as_json: bool
) -> None:
    """Play the files and print what came of it, the same at every run."""
    if watch not in ("list", "all"):
        raise UsageError(f"--watch {watch[:20]!r} is unknown: expected list or all")
    factor = _speed(speed)
    settings = load_settings()
    console = Console(highlight=False)
    status = Console(stderr=True, highlight=False)
    recording = await asyncio.to_thread(open_recordings, paths, account)
    namespace = f"rehearsal:{watch}:{recording.digest[:16]}"
    detector = Detector(settings.detection_rules(), namespace, by_order=True, book_is_required=False)
    ranker = None if watch == "all" else FillRanker(settings.ranking_rules())
    async with open_storage(settings, exclusive=False) as database:
        store = Publications(database)
        with _progress(status, recording) as show:
            service = ReplayService(
                detector,
                store,
                store,
                asyncio.sleep,
                ranker=ranker,
                speed=factor,
                on_concluded=None if factor is None or as_json else _Alerts(console).show,
                on_progress=show,
            )
            report = await service.run(recording.moments())
    if as_json:
        print(json.dumps(_to_dict(report, recording, watch, settings.horizon), indent=2, ensure_ascii=False))
    else:
        print(_to_text(report, recording, watch, settings.horizon))


def _speed(text: str) -> float | None:
    if text == FULL_SPEED:
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise UsageError(f"--speed {text[:20]!r} is no speed: expected a factor above 0, such as 60, or max")
    return factor


class _Alerts:
    """Print entries and exits as they happen, as the console notifier does in live hours."""

    def __init__(self, console: Console) -> None:
        self._notifier = ConsoleNotifier(console)
        self._opportunities: dict[str, Opportunity] = {}

    async def show(self, concluded: Concluded) -> None:
        for decision in concluded.decisions:
            if decision.opportunity is not None:
                self._opportunities[decision.decision_id] = decision.opportunity
                await self._print(decision.opportunity, None, decision.decided_ms)
        for ending in concluded.endings:
            opportunity = self._opportunities.pop(ending.opportunity_id, None)
            if opportunity is not None:
                await self._print(opportunity, ending, ending.ended_ms)

    async def _print(self, opportunity: Opportunity, ending: Ending | None, now_ms: int) -> None:
        alert = Alert(
            alert_id=0,
            kind=AlertKind.ENTRY if ending is None else AlertKind.EXIT,
            target=TERMINAL,
            opportunity=opportunity,
            ending=ending,
            nonce="",
            created_ms=now_ms,
            expires_ms=None,
            attempts=0,
            evidence=REHEARSAL,
        )
        await self._notifier.send(alert, now_ms)


def _scored(report: ReplayReport) -> list[ScoredOpportunity]:
    """Return every opportunity with what is known of it, oldest first."""
    published = [d.opportunity for d in report.decisions if d.opportunity is not None]
    return [
        report.scored.get(one.opportunity_id) or ScoredOpportunity(one, None, (), None, None)
        for one in published
    ]


def _answers(counts: ReplayReport) -> dict[str, int]:
    """Return how many events were published, and how many stopped by which rule."""
    found = Counter(d.rejection.value if d.rejection else "published" for d in counts.decisions)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _to_dict(report: ReplayReport, recording: Recording, watch: str, horizon: Horizon) -> Json:
    scored = _scored(report)
    now_ms = report.to_ms or 0
    verdict = evidence([], [], horizon, now_ms, False)
    score = performance_of(
        scored, [], verdict, now_ms=now_ms, since_ms=None, horizon=horizon, undelivered=0, rehearsal=True
    )
    standings = report.last_ranking.standings if report.last_ranking else ()
    return {
        "rehearsal": True,
        "watch": watch,
        "files": list(recording.names),
        "from": time(report.from_ms),
        "to": time(report.to_ms),
        "fills": report.fills,
        "trades": report.trades,
        "candles": report.bars,
        "accounts": report.accounts,
        "rankings": report.rankings,
        "events": dict(sorted((kind.value, n) for kind, n in report.events.items())),
        "decisions": dict(_answers(report)),
        "opportunities": [row_to_dict(one) for one in scored],
        "performance": to_dict(score),
        "standings": [row_to_dict(one) for one in standings],
    }


def _to_text(report: ReplayReport, recording: Recording, watch: str, horizon: Horizon) -> str:
    scored = _scored(report)
    now_ms = report.to_ms or 0
    score = performance_of(
        scored,
        [],
        evidence([], [], horizon, now_ms, False),
        now_ms=now_ms,
        since_ms=None,
        horizon=horizon,
        undelivered=0,
        rehearsal=True,
    )
    return render_answer(
        Channel.CONSOLE,
        "replay",
        score,
        names=recording.names,
        watch=watch,
        report=report,
        decided=_answers(report),
        scored=scored,
        standings=report.last_ranking.standings if report.last_ranking else (),
    )


@contextlib.contextmanager
def _progress(console: Console, recording: Recording) -> Iterator[Callable[[int, ReplayReport], None]]:
    if not console.is_terminal:
        yield lambda _at, _report: None
        return
    bar = Progress(
        TextColumn("replaying"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task("", total=len(recording))
    with bar:
        yield lambda _at, report: bar.update(task, completed=report.fills + report.trades + report.bars)


async def serve_files(paths: Sequence[Path], *, speed: str, account: str | None, port: int) -> None:
    """Serve recorded fills as a Hyperliquid-compatible exchange until stopped."""
    from exchange.simulated.replay import ReplayExchange
    from exchange.simulated.served_fills import served_fills

    factor = _speed(speed)
    recording = await asyncio.to_thread(open_recordings, paths, account)
    if not recording.fills:
        raise UsageError(
            "--serve serves accounts' fills, and these files hold the public tape only; "
            "replay them without --serve"
        )
    console = Console(highlight=False)
    async with contextlib.AsyncExitStack() as stack:
        exchange = ReplayExchange(served_fills(recording.fills), port=port, speed=factor or 1.0)
        try:
            await stack.enter_async_context(exchange)
        except OSError as error:
            raise UsageError(
                f"--port {port}: cannot listen there ({os.strerror(error.errno or 0)}); "
                "choose another, or 0 for any free one"
            ) from None
        console.print(
            f"Recorded fills of {len({f.user for f in recording.fills})} accounts are served as an exchange."
        )
        console.print(f"HYPERFADE_EXCHANGE_URL={exchange.url}")
        console.print(f"HYPERFADE_EXCHANGE_WS_URL={exchange.ws_url}")
        console.print(f"HYPERFADE_LEADERBOARD_URL={exchange.leaderboard_url}")
        await asyncio.Event().wait()
