"""Finds accounts by address and makes them on demand; changes only if what is kept in memory changes."""

from collections import OrderedDict

from exchange.simulated.accounts import Account
from exchange.simulated.history import History, history_of
from exchange.simulated.panel import Panel
from exchange.simulated.people import Kind, Person, Population

_UNTOUCHED_KEPT = 1024
_CROWD_FILLS = 300


class Registry:
    """Accounts that did something live are kept; all others can be made again and are cached."""

    def __init__(self, seed: int, population: Population, panel: Panel) -> None:
        self.population = population
        self._seed = seed
        self._panel = panel
        self._untouched: OrderedDict[str, Account] = OrderedDict()
        self._live: dict[str, Account] = {}

    def find(self, address: str) -> Account | None:
        """Return the account of an address in any case, or None if nobody has it."""
        address = address.lower()
        person = self.population.by_address.get(address)
        return None if person is None else self.of(person)

    def of(self, person: Person) -> Account:
        """Return a person's account for reading."""
        account = self._live.get(person.address)
        if account is not None:
            return account
        account = self._untouched.pop(person.address, None) or self.fresh(person)
        self._untouched[person.address] = account
        if len(self._untouched) > _UNTOUCHED_KEPT:
            self._untouched.popitem(last=False)
        return account

    def touch(self, person: Person) -> Account:
        """Return a person's account for executing; from now on it is kept."""
        account = self._live.get(person.address)
        if account is None:
            account = self._live[person.address] = self.of(person)
            del self._untouched[person.address]
        return account

    def live(self, person: Person) -> Account | None:
        """Return the account if it did something live."""
        return self._live.get(person.address)

    def fresh(self, person: Person) -> Account:
        """Make an account from its history alone."""
        if person.kind is Kind.CROWD:
            start = self._panel.origin_ms - 3_600_000
            return Account(History(person, start, start, 0, 0), retained=_CROWD_FILLS)
        subs = tuple(self.population.subs.get(person.address, ()))
        return Account(history_of(self._seed, person, self._panel, subs))
