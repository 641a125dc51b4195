"""Many small publications gathered into few transactions: for replays, where nobody waits for one."""

from collections.abc import Sequence

from core.detection.identity import event_id
from core.model.answers import HeldPosition
from core.model.market import Address, Coin
from core.model.opportunities import RULE_VERSION, Decision, Ending, LiveOpportunity
from core.model.outcomes import PriceSample, ScoredOpportunity
from core.model.positions import PositionEvent
from core.ports import Marks, Publication, Publisher

FLUSH_EVENTS = 2_000
"""Events after which what was gathered is written."""


class PublicationBuffer:
    """Take publications and marks like the store behind it, and write them together."""

    def __init__(self, publisher: Publisher, marks: Marks, namespace: str) -> None:
        self._publisher = publisher
        self._marks = marks
        self._namespace = namespace
        self._events: dict[str, PositionEvent] = {}
        self._decisions: list[Decision] = []
        self._endings: list[Ending] = []
        self._positions: dict[tuple[Address, Coin], HeldPosition] = {}
        self._moved: dict[str, LiveOpportunity] = {}
        self._samples: list[PriceSample] = []
        self._scored: dict[str, ScoredOpportunity] = {}
        self._evidence = ""
        self._now_ms = 0

    async def publish(self, publication: Publication, evidence: str) -> tuple[str, ...]:
        """Take one publication; a growing event keeps only its last state."""
        for event in publication.events:
            self._events[event_id(event, self._namespace, RULE_VERSION)] = event
        self._decisions += publication.decisions
        self._endings += publication.endings
        self._positions.update({(account, held.coin): held for account, held in publication.positions})
        self._moved.update({live.opportunity.opportunity_id: live for live in publication.moved})
        self._evidence, self._now_ms = evidence, publication.now_ms
        if len(self._events) + len(self._samples) >= FLUSH_EVENTS:
            await self.flush()
        return ()

    async def add_samples(self, samples: Sequence[PriceSample]) -> None:
        """Take price samples."""
        self._samples += samples

    async def save_scored(self, scored: Sequence[ScoredOpportunity]) -> None:
        """Take scores; of one opportunity only the last counts."""
        self._scored.update({one.opportunity.opportunity_id: one for one in scored})

    async def flush(self) -> None:
        """Write all that was gathered: opportunities first, then what refers to them."""
        publication = Publication(
            events=tuple(self._events.values()),
            decisions=tuple(self._decisions),
            endings=tuple(self._endings),
            positions=tuple((account, held) for (account, _), held in self._positions.items()),
            moved=tuple(self._moved.values()),
            now_ms=self._now_ms,
            namespace=self._namespace,
        )
        await self._publisher.publish(publication, self._evidence)
        self._events, self._positions, self._moved = {}, {}, {}
        self._decisions, self._endings = [], []
        await self._marks.add_samples(self._samples)
        self._samples = []
        await self._marks.save_scored(list(self._scored.values()))
        self._scored = {}
