"""Every setting, its type, its bounds and its default.

Order of precedence: environment, ``.env``, ``hyperfade.toml``, default. Any secret may come from a
file named by ``…_FILE``. An unknown ``HYPERFADE_`` name fails at start.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from core.errors import SettingsError
from core.model.alerts import AlertKind
from core.model.opportunities import DetectionRules
from core.model.traders import Horizon, Part, RankingRules
from hyperfade.delivery_settings import read_pace, split_urls
from hyperfade.secret_parts import address_secrets
from hyperfade.setting_sources import PREFIX, merged, read_sources, refuse_unknown
from notifiers.pacing import Limit, Limits
from notifiers.webhook_addresses import Webhook, read_webhook

TEST_DATABASE_URL = "HYPERFADE_TEST_DATABASE_URL"
"""Read by the tests alone; set in somebody's shell it must not stop the product."""
SECRETS = (
    "database_url",
    "telegram_token",
    "telegram_webhook_secret",
    "discord_token",
    "webhook_urls",
    "webhook_secret",
    "apprise_urls",
)
LEAST_SECRET = 16

MAINNET_URL = "https://api.hyperliquid.xyz"
MAINNET_WS_URL = "wss://api.hyperliquid.xyz/ws"
MAINNET_LEADERBOARD_URL = "https://stats-data.hyperliquid.xyz/Mainnet/leaderboard"
TELEGRAM_URL = "https://api.telegram.org/bot"
TELEGRAM_PORTS = (443, 80, 88, 8443)
"""Where Telegram delivers: https://core.telegram.org/bots/api#setwebhook."""


class Settings(BaseModel):
    """Every setting, validated; names and meanings are listed in ``.env.example``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("hyperfade", appauthor=False)))
    database_url: SecretStr | None = None

    exchange_url: str = MAINNET_URL
    exchange_ws_url: str = MAINNET_WS_URL
    leaderboard_url: str = MAINNET_LEADERBOARD_URL
    weight_per_minute: int = Field(default=1000, ge=60, le=100_000)

    telegram_token: SecretStr | None = None
    telegram_base_url: str = TELEGRAM_URL
    telegram_webhook_url: str | None = None
    telegram_webhook_host: str = "127.0.0.1"
    telegram_webhook_port: int = Field(default=8443, ge=1, le=65_535)
    telegram_webhook_secret: SecretStr | None = None
    discord_token: SecretStr | None = None
    discord_api_url: str = "https://discord.com/api/v10"
    discord_gateway_url: str = "wss://gateway.discord.gg/"
    webhook_urls: tuple[SecretStr, ...] = ()
    webhook_secret: SecretStr | None = None
    webhook_allow_private: bool = False
    apprise_urls: tuple[SecretStr, ...] = ()
    repeat_kinds: frozenset[AlertKind] = frozenset({AlertKind.EXIT})
    pace: Mapping[str, Limit] = Field(default_factory=dict)
    access: Literal["approve", "open", "list"] = "approve"
    owners: tuple[str, ...] = ()

    losers: int = Field(default=500, ge=1, le=2000)
    min_round_trips: int = Field(default=10, ge=1)
    min_equity_usd: float = Field(default=500.0, ge=0)
    badness_weights: dict[Part, float] | None = None
    candidates: int = Field(default=600, ge=1, le=100_000)
    sample: int = Field(default=300, ge=0, le=10_000)
    placebo: int = Field(default=100, ge=0, le=5000)

    min_notional_usd: float = Field(default=5000.0, ge=0)
    max_age_s: float = Field(default=30.0, gt=0)
    max_drift_bps: float = Field(default=20.0, ge=0)
    cooldown_s: float = Field(default=0.0, ge=0)
    suggested_notional_usd: float = Field(default=1000.0, gt=0)
    max_spread_bps: float = Field(default=10.0, gt=0)
    min_increase: float = Field(default=0.5, ge=0)
    expiry_h: float = Field(default=24.0, gt=0)
    taker_fee_bps: float = Field(default=4.5, ge=0)
    half_spread_bps: float = Field(default=1.0, ge=0)
    crowd_losers: int = Field(default=3, ge=0)
    horizon: Horizon = Horizon.H1

    templates_dir: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"

    @field_validator("home", "templates_dir")
    @classmethod
    def _expand_home(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser()  # no shell did it in .env

    @field_validator("crowd_losers")
    @classmethod
    def _check_crowd(cls, value: int) -> int:
        if value == 1:
            raise ValueError("one loser is no crowd: expected 2 or more, or 0 for none")
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("expected an address like postgresql://user:password@host:5432/database")
        return value

    @field_validator("exchange_url", "leaderboard_url", "telegram_base_url", "discord_api_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("expected an address that begins with https:// (or http://)")
        return value

    @field_validator("telegram_webhook_secret")
    @classmethod
    def _check_webhook_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", value.get_secret_value()):
            raise ValueError("expected 16 to 256 of A-Z, a-z, 0-9, _ and -")
        return value

    @field_validator("exchange_ws_url", "discord_gateway_url")
    @classmethod
    def _check_ws_url(cls, value: str) -> str:
        if not value.startswith(("wss://", "ws://")):
            raise ValueError("expected an address that begins with wss:// (or ws://)")
        return value

    @field_validator("webhook_urls", "apprise_urls", mode="before")
    @classmethod
    def _split_urls(cls, value: Any) -> Any:
        return split_urls(value) if isinstance(value, str) else value

    @field_validator("webhook_secret")
    @classmethod
    def _check_signing_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < LEAST_SECRET:
            raise ValueError(
                f"expected at least {LEAST_SECRET} characters: `openssl rand -hex 32` makes a good one"
            )
        return value

    @field_validator("repeat_kinds", mode="before")
    @classmethod
    def _split_kinds(cls, value: Any) -> Any:
        return (
            (part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        )

    @field_validator("pace", mode="before")
    @classmethod
    def _read_pace(cls, value: Any) -> Any:
        return read_pace(value)

    @field_validator("owners", mode="before")
    @classmethod
    def _split_owners(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("owners")
    @classmethod
    def _check_owners(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for owner in value:
            channel, _, chat = owner.partition(":")
            if channel not in ("telegram", "discord") or not chat.lstrip("-").isdigit():
                raise ValueError(f"{owner!r} is not of the form telegram:123 or discord:123")
        return value

    @field_validator("badness_weights", mode="before")
    @classmethod
    def _split_weights(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [item.partition("=") for item in value.split(",") if item.strip()]
        return {name.strip(): weight for name, _, weight in pairs}

    @field_validator("badness_weights")
    @classmethod
    def _check_weights(cls, value: dict[Part, float] | None) -> dict[Part, float] | None:
        if value is not None and (min(value.values()) < 0 or abs(sum(value.values()) - 1) > 1e-6):
            raise ValueError("the weights must not be negative and must add up to 1")
        return value

    @model_validator(mode="after")
    def _check_access(self) -> "Settings":
        if self.access == "list" and not self.owners:
            raise ValueError("HYPERFADE_ACCESS=list needs HYPERFADE_OWNERS, the ids that may use the bot")
        return self

    @model_validator(mode="after")
    def _check_telegram_webhook(self) -> "Settings":
        name = "HYPERFADE_TELEGRAM_WEBHOOK_URL"
        if self.telegram_webhook_url is None:
            return self
        if self.telegram_token is None:
            raise ValueError(f"{name} does nothing without HYPERFADE_TELEGRAM_TOKEN")
        try:
            url = urlsplit(self.telegram_webhook_url)
            port = url.port or 443
        except ValueError:
            raise ValueError(f"{name} isn't an address like https://bot.example.org/telegram") from None
        if not url.hostname or url.scheme not in ("https", "http"):
            raise ValueError(f"{name} isn't an address like https://bot.example.org/telegram")
        # A Bot API server of one's own takes any address.
        if self.telegram_base_url == TELEGRAM_URL and (url.scheme != "https" or port not in TELEGRAM_PORTS):
            ports = ", ".join(map(str, TELEGRAM_PORTS))
            raise ValueError(f"{name}: Telegram delivers to https only, on port {ports}")
        if self.telegram_token.get_secret_value() in self.telegram_webhook_url:
            raise ValueError(f"{name} holds the bot's token: choose a path without it")
        return self

    @model_validator(mode="after")
    def _check_webhooks(self) -> "Settings":
        webhooks = self.webhooks()  # checks each address
        if self.webhook_secret is None and any(not one.is_discord for one in webhooks):
            raise ValueError(
                "HYPERFADE_WEBHOOK_URLS needs HYPERFADE_WEBHOOK_SECRET, with which events are signed: "
                "any long random text that the receiver knows too"
            )
        return self

    def webhooks(self) -> tuple[Webhook, ...]:
        """Return the receivers of webhooks, each once."""
        found = (
            read_webhook(one.get_secret_value(), allow_private=self.webhook_allow_private)
            for one in self.webhook_urls
        )
        return tuple({one.name: one for one in found}.values())

    def limits(self) -> Limits:
        """Return how many messages each platform takes."""
        return replace(Limits(), **self.pace)

    def ranking_rules(self) -> RankingRules:
        """Return the settings that decide the list."""
        return RankingRules(
            losers=self.losers,
            min_round_trips=self.min_round_trips,
            min_equity_usd=self.min_equity_usd,
            horizon=self.horizon,
            taker_fee_bps=self.taker_fee_bps,
            half_spread_bps=self.half_spread_bps,
            weights=self.badness_weights or RankingRules().weights,
        )

    def detection_rules(self) -> DetectionRules:
        """Return the settings that decide what becomes an opportunity."""
        return DetectionRules(
            losers=self.losers,
            min_notional_usd=self.min_notional_usd,
            max_age_ms=round(self.max_age_s * 1000),
            max_drift_bps=self.max_drift_bps,
            cooldown_ms=round(self.cooldown_s * 1000),
            min_increase=self.min_increase,
            max_spread_bps=self.max_spread_bps,
            expiry_ms=round(self.expiry_h * 3_600_000),
            suggested_notional_usd=self.suggested_notional_usd,
            taker_fee_bps=self.taker_fee_bps,
            half_spread_bps=self.half_spread_bps,
        )

    def telegram_secret(self) -> str | None:
        """Return what Telegram sends with each delivery; made from the token where none is set.

        So it stays the same over restarts, and nobody can tell the token from it.
        """
        if self.telegram_webhook_url is None or self.telegram_token is None:
            return None
        if self.telegram_webhook_secret is not None:
            return self.telegram_webhook_secret.get_secret_value()
        token = self.telegram_token.get_secret_value().encode()
        return hmac.new(token, b"hyperfade telegram webhook", "sha256").hexdigest()

    def secret_values(self) -> tuple[str, ...]:
        """Return every secret, configured or made, and the secret parts of addresses, for the log filter."""
        found: list[str] = []
        for value in (getattr(self, name) for name in SECRETS):
            if isinstance(value, SecretStr):
                found.append(value.get_secret_value())
            for address in value if isinstance(value, tuple) else ():
                found += address_secrets(address.get_secret_value())
        made = self.telegram_secret()
        return tuple(found) if made is None or made in found else (*found, made)


def load_settings(**overrides: Any) -> Settings:
    """Read and check all settings.

    Raises:
        SettingsError: with each setting's name, what is wrong with it and the remedy.
    """
    sources = read_sources()
    secrets = [PREFIX + name.upper() for name in SECRETS]
    fields = [PREFIX + name.upper() for name in Settings.model_fields]
    refuse_unknown(sources, {*fields, *(f"{name}_FILE" for name in secrets), TEST_DATABASE_URL})
    values = merged(sources, secrets)
    given = {name.removeprefix(PREFIX).lower(): values[name] for name in fields if name in values}
    try:
        return Settings(**{**given, **overrides})
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        where = problem["loc"][0] if problem["loc"] else ""
        name = f"{PREFIX}{str(where).upper()}: " if where else ""
        message = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{name}{message}; see .env.example")
    return "\n".join(lines)
