"""Who is meant: an address, a rank or the beginning of a label, as people type it."""

from core.errors import UsageError
from core.model.addresses import parse_address
from core.model.market import Address
from core.ports import FillStore, RankingStore


async def find_trader(rankings: RankingStore, fills: FillStore, query: str) -> Address:
    """Return the account that an address, ``#RANK`` or the beginning of a label means."""
    query = query.strip()
    if query.startswith("#"):
        return await _at_rank(rankings, query)
    name = parse_address(query, allow_label=True)
    if name.startswith("0x"):
        return name
    names = await _labels(rankings, fills)
    if name in names:
        return names[name]
    matches = {label: address for label, address in names.items() if label.lower().startswith(name.lower())}
    if len(set(matches.values())) == 1:
        return next(iter(matches.values()))
    if not matches:
        raise UsageError(f"No trader's label begins with {query!r}: expected 0x…, #RANK or a known label.")
    shown = ", ".join(sorted(matches)[:5]) + (" …" if len(matches) > 5 else "")
    raise UsageError(f"{query!r} means {len(matches)} traders ({shown}): type more of the label.")


async def _at_rank(rankings: RankingStore, query: str) -> Address:
    number = query[1:].strip()
    if not (number.isascii() and number.isdigit()):
        raise UsageError(f"{query[:40]!r} is not a rank: expected # and a number, such as #3.")
    address = await rankings.address_at(int(number))
    if address is None:
        raise UsageError(f"Nobody has rank {int(number)} now: see the list for the ranks there are.")
    return address


async def _labels(rankings: RankingStore, fills: FillStore) -> dict[str, Address]:
    """Return all names that aren't addresses: archives' own accounts, and labels given to accounts."""
    ranking = await rankings.ranking()
    standings = ranking.standings if ranking else ()
    names = {s.label: s.address for s in standings if s.label}
    accounts = [a.facts.address for a in await fills.accounts()] + [s.address for s in standings]
    return names | {address: address for address in accounts if not address.startswith("0x")}
