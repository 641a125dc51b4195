"""Turn (seed, name, number) into random figures; changes only if the way randomness is derived changes.

Everything the simulator invents is a pure function of its seed, so that any minute, account or order book can
be computed on demand, in any order and by any process, with the same result.
"""

from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


@lru_cache(maxsize=65536)
def key_of(seed: int, *names: object) -> int:
    """Derive a 64-bit key from the seed and any names."""
    text = ":".join(str(name) for name in (seed, *names))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def hex_of(seed: int, digits: int, *names: object) -> str:
    """Derive a 0x-prefixed hexadecimal identity of the given length."""
    text = ":".join(str(name) for name in (seed, *names))
    return "0x" + blake2b(text.encode(), digest_size=(digits + 1) // 2).hexdigest()[:digits]


def uniforms(key: int, counters: Ints) -> Floats:
    """Return one number in (0, 1) per counter (splitmix64 of key and counter, without state)."""
    with np.errstate(over="ignore"):
        x = counters.astype(np.uint64) * _GOLDEN + np.uint64(key)
        x = (x ^ (x >> np.uint64(30))) * _MIX_1
        x = (x ^ (x >> np.uint64(27))) * _MIX_2
        x = x ^ (x >> np.uint64(31))
    return ((x >> np.uint64(11)).astype(np.float64) + 0.5) * _TO_UNIT


def normals(key: int, counters: Ints) -> Floats:
    """Return one standard normal per counter (Box-Muller over two uniform streams)."""
    first = uniforms(key, counters)
    second = uniforms(key ^ 0x5851F42D4C957F2D, counters)
    result: Floats = np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)
    return result


def uniform(key: int, counter: int) -> float:
    """Return the same number as `uniforms` for one counter, without arrays."""
    mask = 0xFFFFFFFFFFFFFFFF
    x = (counter * 0x9E3779B97F4A7C15 + key) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    x ^= x >> 31
    return ((x >> 11) + 0.5) * _TO_UNIT


def generator(seed: int, *names: object) -> np.random.Generator:
    """Return a seeded generator for sequential draws."""
    return np.random.Generator(np.random.SFC64(key_of(seed, *names)))
