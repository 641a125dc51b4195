"""What the filters of templates make of a value on each platform."""

import pytest

from core.model.alerts import Channel
from messages.environments import built_in

SOURCE = "{{ ms | duration }}, {{ mean | bps }}, {{ mean | bps | bold }}"


def rendered(channel: Channel, source: str) -> str:
    return built_in(channel).from_string(source).render(ms=65_000, mean=12.34, share=0.34)


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        (Channel.TELEGRAM, "1\xa0min\xa05\xa0s, +12.3\xa0bps, <b>+12.3\xa0bps</b>"),
        (Channel.DISCORD, "1\xa0min\xa05\xa0s, +12.3\xa0bps, **+12.3\xa0bps**"),
        (Channel.CONSOLE, "1 min 5 s, +12.3 bps, +12.3 bps"),
    ],
)
def test_no_line_of_a_phone_ends_between_a_number_and_its_unit(channel: Channel, text: str) -> None:
    assert rendered(channel, SOURCE) == text


@pytest.mark.parametrize("channel", [Channel.TELEGRAM, Channel.DISCORD])
def test_a_table_and_other_filters_see_plain_spaces(channel: Channel) -> None:
    assert rendered(channel, "{{ mean | bps | right(11) }}") == "  +12.3 bps"
    assert rendered(channel, "{{ share | percent | replace(' ', '') }}") == "34%"
