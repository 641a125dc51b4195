"""How numbers look on the wire; changes only if the exchange prints numbers otherwise."""


def text(value: float) -> str:
    """Print like the exchange: up to 10 decimals of the binary float, so that 1064075.6 shows its noise.

    >>> text(1064075.6), text(95901), text(0.00016)
    ('1064075.6000000001', '95901.0', '0.00016')
    """
    shown = f"{value:.10f}".rstrip("0")
    return shown + "0" if shown[-1] == "." else shown


def exact(units: int, decimals: int) -> str:
    """Print a whole number of units without any noise, at least one decimal.

    >>> exact(10640756, 1), exact(-16, 5), exact(7, 0)
    ('1064075.6', '-0.00016', '7.0')
    """
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(decimals + 1, "0")
    if not decimals:
        return f"{sign}{digits}.0"
    fraction = digits[-decimals:].rstrip("0") or "0"
    return f"{sign}{digits[:-decimals]}.{fraction}"


class Printer:
    """Prints whole units as decimal strings, with or without the exchange's float noise."""

    def __init__(self, noise: bool) -> None:
        self.noise = noise

    def units(self, units: int, decimals: int) -> str:
        """Print an amount that the real exchange prints from a float (positions, money)."""
        return text(units / 10**decimals) if self.noise else exact(units, decimals)

    def usd(self, micro: int) -> str:
        """Print micro-USD."""
        return self.units(micro, 6)
