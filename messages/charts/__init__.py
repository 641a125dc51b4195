"""How a fact looks: core value in, PNG out; pure, and slow enough (0.1 to 1 s) for a process of its own."""

from messages.charts.performance import FEWEST, performance_chart
from messages.charts.trader import trader_chart
from messages.charts.words import performance_words, trader_words

__all__ = ["FEWEST", "performance_chart", "performance_words", "trader_chart", "trader_words"]
