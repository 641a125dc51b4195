"""``/settings``: how loudly each kind of alert comes, quiet hours, cap and digest; by words or by buttons."""

from bot.answers import Answers
from bot.replies import reply
from bot.requests import Argument, Command, Reply, Request
from bot.rows import chosen, grid
from bot.settings_words import OFF, PARTS, WORDS, changed, kind_of
from bot.stores import Stores
from bot.wishes_shown import kinds_of, settings_facts
from core.errors import UsageError
from core.model.alerts import AlertKind
from core.model.buttons import Button, Rows
from core.model.chats import Chat, ChatSettings, DigestPeriod, Loudness, Role

MAIN = "settings"
BACK = Button("Back", MAIN, edits=True)
NIGHTS = ("22:00-07:00", "23:00-08:00", "00:00-08:00")
CAPS = (3, 6, 12, 30)
HOURS = (7, 8, 12, 18, 21)
ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Dubai",
    "Asia/Singapore",
    "Asia/Tokyo",
)


class SettingsCommands:
    """Show a chat's settings and change them; each menu is a command line of its own."""

    def __init__(self, answers: Answers, stores: Stores) -> None:
        self._answers = answers
        self._stores = stores

    def commands(self) -> tuple[Command, ...]:
        """Return the command."""
        return (
            Command(MAIN, "how loudly alerts come, quiet hours, cap, digest", self._settings,
                    (Argument("what", "what to change", choices=WORDS),
                     Argument("value", "such as silent, 22:00-07:00 Europe/Berlin, 6, daily 8, off",
                              suggest="zone")), True),
        )  # fmt: skip

    async def _settings(self, request: Request, chat: Chat) -> Reply:
        match request.words:
            case ():
                return self._show(request, chat, "")
            case (word,):
                return self._menu(request, chat, word.lower())
            case words:
                return await self._change(request, chat, words)

    async def _change(self, request: Request, chat: Chat, words: tuple[str, ...]) -> Reply:
        if words[0].lower() not in PARTS and kind_of(words[0]) is AlertKind.HEALTH:
            _only_owners(chat)
        await self._stores.wishes.save_settings(request.target, changed(chat.settings, words))
        chat = await self._stores.chats.chat(request.target) or chat
        return self._show(request, chat, "Changed.")

    def _show(self, request: Request, chat: Chat, note: str) -> Reply:
        kinds = grid(
            (
                Button(
                    f"{kind.value.capitalize()}: {chat.settings.loudness_of(kind)}",
                    f"{MAIN} {kind}",
                    edits=True,
                )
                for kind in kinds_of(chat)
            ),
            3,
        )
        parts = tuple(
            Button(label, f"{MAIN} {part}", edits=True)
            for part, label in (
                ("quiet", "Quiet hours"),
                ("zone", "Time zone"),
                ("cap", "Limit"),
                ("digest", "Digest"),
            )
        )
        facts = settings_facts(chat, self._answers.clock.now_ms())
        return reply(request, MAIN, None, note=note, buttons=(*kinds, *grid(parts, 2)), **facts)

    def _menu(self, request: Request, chat: Chat, word: str) -> Reply:
        if word not in (*PARTS, AlertKind.DIGEST):
            kind = kind_of(word)
            if kind is AlertKind.HEALTH:
                _only_owners(chat)
            word = kind.value
        facts = settings_facts(chat, self._answers.clock.now_ms())
        return reply(
            request,
            "settings_menu",
            None,
            part=word,
            buttons=(*_choices(word, chat.settings), (BACK,)),
            **facts,
        )


def _only_owners(chat: Chat) -> None:
    if chat.role is not Role.OWNER:
        raise UsageError("Trouble of the program is told to its owner only.")


def _choices(part: str, settings: ChatSettings) -> Rows:
    """Return the buttons of one menu; what is so now is ticked."""
    match part:
        case "quiet":
            quiet = settings.quiet
            now = OFF if quiet is None else f"{quiet.begin:%H:%M}-{quiet.end:%H:%M}"
            return grid(_buttons(part, (*NIGHTS, OFF), now), 2)
        case "zone":
            return grid(_buttons(part, ZONES, settings.time_zone), 3)
        case "cap":
            now = OFF if settings.hourly_cap is None else str(settings.hourly_cap)
            return grid(_buttons(part, (*(str(cap) for cap in CAPS), OFF), now), 5)
        case "digest":
            hour = f"{settings.digest_hour}"
            loudness = settings.loudness_of(AlertKind.DIGEST)
            return (
                _buttons(part, tuple(DigestPeriod), settings.digest),
                _buttons(part, tuple(str(one) for one in HOURS), hour, suffix=":00"),
                _buttons(part, (Loudness.ON, Loudness.SILENT), loudness),
            )
        case _:
            return (_buttons(part, tuple(Loudness), settings.loudness_of(AlertKind(part))),)


def _buttons(part: str, values: tuple[str, ...], now: str, suffix: str = "") -> tuple[Button, ...]:
    return tuple(
        Button(chosen(f"{value}{suffix}", value == now), f"{MAIN} {part} {value}", edits=True)
        for value in values
    )
