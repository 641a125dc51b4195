"""All accounts' books, kept up by what is new, so that a ranking never reads history twice."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from core.model.fills import Fill, FundingPayment
from core.model.market import Address, Coin
from core.model.traders import AccountFacts, RankingRules
from core.ranking.figures import MarketHistory, figures
from core.ranking.ranking import Account
from core.ranking.trips import AccountBook


class AccountBooks:
    """One book per account; any way of feeding the same fills gives the same figures."""

    def __init__(self, sz_decimals: Mapping[Coin, int] | None = None) -> None:
        self._sz_decimals = sz_decimals
        self._books: dict[Address, AccountBook] = {}

    def __contains__(self, account: Address) -> bool:
        return account in self._books

    def __len__(self) -> int:
        return len(self._books)

    def book(self, account: Address) -> AccountBook:
        """Return an account's book, an empty one where nothing is known."""
        return self._books.get(account) or AccountBook(account, self._sz_decimals)

    def accounts(self) -> list[Address]:
        """Return every account with a book."""
        return sorted(self._books)

    def extend(self, fills: Iterable[Fill]) -> frozenset[Address]:
        """Take new fills, each account's in execution order; return whose books must be rebuilt.

        Back-fill brings fills that are older than those already taken: such an account's book is
        dropped, and the caller gives ``rebuild`` all of its fills.
        """
        late: set[Address] = set()
        for account, group in groupby(fills, key=lambda fill: fill.user):
            if account in late:
                continue
            mine = list(group)
            book = self._books.get(account)
            if book is None:
                book = self._books[account] = AccountBook(account, self._sz_decimals)
            if book.takes(mine):
                book.extend(mine)
            else:
                late.add(account)
                del self._books[account]
        return frozenset(late)

    def rebuild(self, account: Address, fills: Sequence[Fill]) -> None:
        """Replace an account's book by one of these fills, all there are, in execution order."""
        book = AccountBook(account, self._sz_decimals)
        book.extend(fills)
        self._books[account] = book

    def accounts_at(
        self,
        as_of_ms: int,
        rules: RankingRules,
        market: MarketHistory,
        facts: Mapping[Address, AccountFacts],
        funding: Mapping[Address, Sequence[FundingPayment]] | None = None,
    ) -> list[Account]:
        """Return what a ranking run at ``as_of_ms`` needs of every account with a book."""
        own = funding or {}
        ready = []
        for account in self.accounts():
            known = facts.get(account) or AccountFacts(account)
            ready.append(
                Account(
                    figures(self._books[account], known, as_of_ms, rules, market, own.get(account, ())),
                    known,
                )
            )
        return ready
