"""Figures, badness and the list: pure functions over fills, prices and facts."""
