"""Files: fills of every known form, feed recordings, candles."""

from exchange.archive.archive import Archive, open_archive
from exchange.archive.market import open_bars, open_recording, sniff

__all__ = ["Archive", "open_archive", "open_bars", "open_recording", "sniff"]
