"""Where settings are read: the environment, ``.env``, ``hyperfade.toml``, and files that hold a secret."""

import difflib
import os
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from core.errors import SettingsError

PREFIX = "HYPERFADE_"
DOTENV = Path(".env")
TOML = Path("hyperfade.toml")
LEAST_LIKENESS = 0.7


@dataclass(frozen=True, slots=True)
class Source:
    """What one place says: values by a setting's full name, empty ones left out."""

    name: str
    values: Mapping[str, Any]


def read_sources() -> list[Source]:
    """Read all places, the one that wins first; raise SettingsError when a file can't be read."""
    return [
        Source("the environment", _ours(os.environ.items())),
        Source(str(DOTENV), _ours(_read_dotenv())),
        Source(str(TOML), _ours((PREFIX + name, value) for name, value in _read_toml().items())),
    ]


def _ours(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Keep our names; an empty value means the default, as compose files write it."""
    return {
        name.upper(): value
        for name, value in values
        if name.upper().startswith(PREFIX) and value is not None and value != ""
    }


def _read_dotenv() -> Iterable[tuple[str, str | None]]:
    if not DOTENV.exists():
        return ()
    try:
        return dotenv_values(DOTENV, encoding="utf-8").items()
    except OSError as error:
        raise _unreadable(DOTENV, error) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{DOTENV} isn't UTF-8 text: save it as UTF-8") from None


def _read_toml() -> dict[str, Any]:
    if not TOML.exists():
        return {}
    try:
        return tomllib.loads(TOML.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(TOML, error) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{TOML} isn't UTF-8 text: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{TOML} isn't TOML: {error}; expected lines like losers = 500") from None


def refuse_unknown(sources: Iterable[Source], known: Collection[str]) -> None:
    """Raise SettingsError for a name that is no setting, with the nearest one that is."""
    for source in sources:
        for name in sorted(source.values):
            if name in known:
                continue
            bare = [one.removeprefix(PREFIX) for one in known]
            near = difflib.get_close_matches(name.removeprefix(PREFIX), bare, 1, LEAST_LIKENESS)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else "see .env.example for all names"
            raise SettingsError(f"unknown setting {name} in {source.name}: {hint}")


def merged(sources: Iterable[Source], secrets: Collection[str]) -> dict[str, Any]:
    """Return each setting's value from the place that wins; ``…_FILE`` of a secret means the file's text."""
    found: dict[str, Any] = {}
    for source in sources:
        for name, value in _with_secrets_read(source, secrets, found.keys()).items():
            found.setdefault(name, value)
    return found


def _with_secrets_read(source: Source, secrets: Collection[str], decided: Collection[str]) -> dict[str, Any]:
    values = dict(source.values)
    for name in secrets:
        variable = f"{name}_FILE"
        if variable not in values:
            continue
        if name in values:
            raise SettingsError(f"both {variable} and {name} are set in {source.name}: keep one")
        path = Path(str(values.pop(variable))).expanduser()
        if name not in decided:
            values[name] = _read_secret(variable, path)
    return values


def _read_secret(variable: str, path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"{variable}: cannot read the file ({error.strerror}); check path and rights"
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(
            f"{variable}: the file isn't text; put the secret there and nothing else"
        ) from None
    if not secret:
        raise SettingsError(f"{variable}: the file is empty; put the secret there and nothing else")
    return secret


def _unreadable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{path}: cannot be read ({error.strerror}); check its rights")
