"""An alert as a webhook's body: every kind is a document, and what is unknown is null."""

import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest

from core.model.alerts import AlertKind, Channel
from core.model.notices import (
    CrowdFacts,
    DigestFacts,
    DigestLine,
    FollowFacts,
    HealthFacts,
    ListFacts,
    MergedFacts,
    Problem,
    RequestFacts,
)
from core.model.opportunities import Rejection
from messages.json_alerts import alert_event
from tests.support.chat_facts import LOSER, NOW_MS, make_alert, make_opportunity
from tests.support.facts import an_event

DOCS = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"
LINE = DigestLine(make_opportunity(), None, None, "cap")
FACTS: dict[AlertKind, Any] = {
    AlertKind.CROWD: CrowdFacts(
        make_opportunity().coin, make_opportunity().side, NOW_MS, (make_opportunity(),), ()
    ),
    AlertKind.FOLLOW: FollowFacts(an_event(), "my loser", 7, next(iter(Rejection))),
    AlertKind.LIST: ListFacts(LOSER, None, False, None, 55.123456789, ("is in profit now",), NOW_MS),
    AlertKind.DIGEST: DigestFacts(
        NOW_MS - 1, NOW_MS, 3, 2, {"cap": 1}, 0, 2, 0.5, -1.5, None, (LINE,), "No evidence yet.", "ab" * 32, 9
    ),
    AlertKind.HEALTH: HealthFacts(Problem.FEED_DEAF, NOW_MS, False, "No trade for 90 s."),
    AlertKind.REQUEST: RequestFacts("telegram:7", "Mallory", "7"),
    AlertKind.MERGED: MergedFacts((LINE, LINE)),
}


def event(kind: AlertKind, **changes: Any) -> dict[str, Any]:
    facts = FACTS.get(kind)
    if facts is not None:
        changes = {"opportunity": None, "facts": facts, **changes}
    body = alert_event(make_alert(kind, Channel.WEBHOOK, **changes))
    assert b"\n" not in body
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize("kind", AlertKind)
def test_every_kind_is_one_line_with_the_same_fields(kind: AlertKind) -> None:
    found = event(kind)
    assert list(found) == [
        "event_id", "kind", "id", "created", "expires", "repeated", "demo", "evidence",
        "opportunity", "ending", "facts",
    ]  # fmt: skip
    assert found["kind"] == kind.value
    assert (found["facts"] is not None) is (kind in FACTS)
    assert (found["id"] is None) is (kind in FACTS)


def test_what_is_unknown_is_null() -> None:
    digest = event(AlertKind.DIGEST)["facts"]
    assert digest["placebo_mean_net_bps"] is None
    assert digest["items"][0]["net_bps"] is None
    assert (digest["held"], digest["items"][0]["held_because"]) == ({"cap": 1}, "cap")
    assert event(AlertKind.LIST)["facts"]["rank"] is None


def test_figures_are_rounded_and_times_are_utc() -> None:
    listed = event(AlertKind.LIST)["facts"]
    assert (listed["badness"], listed["as_of"]) == (55.123457, "2026-01-05T12:03:04.000Z")
    assert event(AlertKind.CROWD)["facts"]["members"][0]["reference_px"]


def test_merged_entries_are_all_there() -> None:
    assert len(event(AlertKind.MERGED)["facts"]["items"]) == 2


def test_the_documented_example_tells_ours_from_others() -> None:
    example = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    place: dict[str, Any] = {}
    exec(example.group(1), place)
    check = place["is_from_hyperfade"]
    body, secret, at = b'{"event_id":"1"}', "a-long-random-text", "1767614584"
    signed = "sha256=" + hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"Hyperfade-Timestamp": at, "Hyperfade-Signature": signed}
    assert check(headers, body, secret, now=1_767_614_600)
    assert not check(headers, body + b" ", secret, now=1_767_614_600)
    assert not check(headers, body, "another-long-text", now=1_767_614_600)
    assert not check({**headers, "Hyperfade-Timestamp": "1767614585"}, body, secret, now=1_767_614_600)
    assert not check(headers, body, secret, now=1_767_614_600 + 3_600)
    assert not check({}, body, secret, now=1_767_614_600)
    assert len(example.group(1).strip().splitlines()) <= 10


def test_the_documented_kinds_are_all() -> None:
    [row] = [line for line in DOCS.read_text().splitlines() if line.startswith("| `kind`")]
    assert set(re.findall(r"`(\w+)`", row)) - {"kind"} == {kind.value for kind in AlertKind}
