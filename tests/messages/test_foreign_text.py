"""Foreign strings are shown as they are: never markup, never a mention, never out of bounds."""

import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.alerts import AlertKind, Channel
from core.model.market import Coin
from core.model.traders import Horizon
from messages.escaping import clean, escape
from messages.limits import (
    DISCORD_CONTENT,
    FOREIGN_TEXT,
    TELEGRAM_TEXT_UNITS,
    cut,
    plain_text,
    room_left,
    utf16_units,
)
from messages.render import render_alert, render_answer
from tests.support.chat_facts import NOW_MS, make_alert, make_losers, make_opportunity, make_trader
from tests.support.notice_facts import make_foreign
from tests.support.telegram_html import parse_html

HOSTILE = (
    "<b>",
    "</pre><a href='https://evil.example'>here</a>",
    "@everyone",
    "<@123456789012345678>",
    "<!-- ",
    "&lt;&amp;&#x27;",
    "`````",
    "**bold** __under__ ~~no~~ ||spoiler||",
    "[text](https://evil.example)",
    "\u202egnp.exe",
    "\u2066BTC\u2069",
    "a\nb\r\n# heading",
    "- item",
    "> quote",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "[bold red]rich[/]",
    "\x1b[31mred\x1b[0m",
    "\ud800",
    "𝔘" * 300,
    "x" * 5000,
)

LIST: dict[str, Any] = {"now_ms": NOW_MS, "title": "", "sort": "badness", "horizon": Horizon.H1}

foreign = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=400), st.text("<>&@`*_[]()#\\|~", max_size=50))


KINDS = tuple((kind, is_over) for kind in AlertKind for is_over in (False, True)
              if not is_over or kind in (AlertKind.UPDATE, AlertKind.EXIT))  # fmt: skip


def any_alert(channel: Channel, kind: tuple[AlertKind, bool], text: str) -> str:
    """Return an alert of any kind in which every foreign string is this one."""
    which, is_over = kind
    return render_alert(make_foreign(which, channel, text, is_over=is_over), NOW_MS)


@given(st.sampled_from(KINDS), foreign)
@settings(max_examples=400, deadline=None)
def test_telegram_reads_our_html_whatever_a_name_holds(kind: tuple[AlertKind, bool], text: str) -> None:
    source = any_alert(Channel.TELEGRAM, kind, text)
    shown, entities = parse_html(source)
    assert plain_text(source).split() == shown.split()
    assert {one["type"] for one in entities} <= {"bold", "code", "pre", "text_link"}
    assert not re.search(r"(?<!\w)@\w", shown)
    assert all(
        one["url"].startswith("https://app.hyperliquid.xyz/")
        for one in entities
        if one["type"] == "text_link"
    )


@given(st.sampled_from(KINDS), foreign)
@settings(max_examples=400, deadline=None)
def test_discord_is_never_made_to_mention_or_format(kind: tuple[AlertKind, bool], text: str) -> None:
    shown = any_alert(Channel.DISCORD, kind, text)
    assert "@" not in shown
    assert not re.search(r"(?<!\\)<(?!https://app\.hyperliquid)", re.sub(r"\\.|`[^`\n]*`", "", shown))
    # Only our own marks are left without a backslash, bold labels and the link,
    # and nothing counts inside of code.
    bare = re.sub(r"\\.|`[^`\n]*`", "", shown)
    bare = re.sub(r"\*\*[^*\n]*\*\*", "", bare)
    bare = re.sub(r"\[[^]]*\]\(<https://app\.hyperliquid\.xyz/[^>]*>\)", "", bare)
    assert not re.search(r"[*_~`|\[\]]", re.sub(r"\(95 %[^)]*\)", "", bare))


@given(st.sampled_from(KINDS), foreign)
@settings(max_examples=300, deadline=None)
def test_no_invisible_sign_gets_through(kind: tuple[AlertKind, bool], text: str) -> None:
    for channel in Channel:
        shown = any_alert(channel, kind, text)
        hidden = {unicodedata.category(sign) for sign in shown if sign != "\n"} & {
            "Cc",
            "Cf",
            "Cs",
            "Co",
            "Cn",
        }
        assert not hidden


@given(st.text(min_size=0, max_size=3000), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_alert_fits_however_long_its_parts_are(text: str, reasons: int) -> None:
    opportunity = make_opportunity(record=text, coin=Coin(text), reasons=tuple(text for _ in range(reasons)))
    for channel in Channel:
        for kind in (AlertKind.ENTRY, AlertKind.EXIT, AlertKind.TEST):
            alert = make_alert(kind, channel, opportunity=opportunity, evidence=text * 2)
            assert room_left(channel, render_alert(alert, NOW_MS)) >= 0
        for which in KINDS:
            assert room_left(channel, any_alert(channel, which, text)) >= 0


@pytest.mark.parametrize("channel", [Channel.CONSOLE, Channel.TELEGRAM, Channel.DISCORD])
def test_list_is_cut_at_a_row_and_says_so(channel: Channel) -> None:
    text = render_answer(channel, "losers", make_losers(500), **LIST)
    assert room_left(channel, text) >= 0
    if channel is not Channel.CONSOLE:
        shown = re.search(r"losers\W*, 1–(\d+) of 500", plain_text(text))
        assert shown
        assert len(re.findall(r"^ *\d+ .*\d$", plain_text(text), re.MULTILINE)) == int(shown[1])
    rows = re.findall(r"^ *\d+ .*\d$", plain_text(text), re.MULTILINE)
    assert len({len(row) for row in rows}) == 1
    if channel is Channel.TELEGRAM:
        assert source_is_sound(text)
    if channel is Channel.DISCORD:
        assert text.count("```") == 2


def source_is_sound(source: str) -> bool:
    parse_html(source)
    return True


def test_trader_label_stays_in_its_table() -> None:
    standing = replace(make_trader().standing, label="</pre><b>`@here")  # type: ignore[type-var]
    losers = make_losers(1, items=(standing,))
    for channel in (Channel.TELEGRAM, Channel.DISCORD):
        text = render_answer(channel, "losers", losers, **LIST)
        if channel is Channel.TELEGRAM:
            parse_html(text)
            assert text.count("<pre>") == text.count("</pre>") == 1
        else:
            assert text.count("`") == 6


def test_markdown_sign_at_the_start_is_no_list() -> None:
    for text in ("- a", "# a", "+ a", "1. a"):
        assert escape(Channel.DISCORD, text).startswith("\\")


def test_clean_text_is_one_bounded_line() -> None:
    assert clean(" a\t\n b\u200b\u202ec\u2028d ") == "a bc d"
    assert clean("@everyone") == "＠everyone"
    assert utf16_units(clean("𝔘" * 500)) <= FOREIGN_TEXT


@given(st.text(), st.integers(1, 50))
def test_cut_text_has_no_more_units_than_allowed(text: str, units: int) -> None:
    assert utf16_units(cut(text, units)) <= units


def test_room_is_counted_as_the_platforms_count() -> None:
    assert room_left(Channel.TELEGRAM, "<b>" + "x" * TELEGRAM_TEXT_UNITS + "</b>") == 0
    assert room_left(Channel.TELEGRAM, "&amp;" * TELEGRAM_TEXT_UNITS) == 0
    assert room_left(Channel.TELEGRAM, "😀" * (TELEGRAM_TEXT_UNITS // 2)) == 0
    assert room_left(Channel.TELEGRAM, "<b>x</b>" * 101) < 0
    assert room_left(Channel.DISCORD, "x" * DISCORD_CONTENT) == 0
