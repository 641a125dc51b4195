"""From fills to position events, and from events to opportunities and their endings."""
