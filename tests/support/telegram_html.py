"""Read Telegram's HTML as its server does: plain text and entities, or the server's error.

The rules and the error texts are those of https://core.telegram.org/bots/api#html-style and of
the public server's parser; positions in errors count bytes, entity offsets count UTF-16 units.
"""

import re
from dataclasses import dataclass
from typing import Any, NoReturn

from tests.support.telegram_errors import bad_request

TAGS = {
    "a": "text_link",
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "tg-emoji": "custom_emoji",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(lt|gt|amp|quot));?")
_SPACE = " \t\r\n\0\v"
_NAME_TOKEN = re.compile(r"[A-Za-z0-9.-]*")


def utf16_length(text: str) -> int:
    """Count UTF-16 units, as Telegram does."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(slots=True)
class _Open:
    name: str
    attributes: dict[str, str]
    offset: int
    start: int


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.place = 0
        self.text: list[str] = []
        self.offset = 0
        self.open: list[_Open] = []
        self.entities: list[dict[str, Any]] = []

    def fail(self, words: str, place: int | None = None) -> NoReturn:
        where = ""
        if place is not None:
            where = f" at byte offset {len(self.source[:place].encode())}"
        raise bad_request(f"can't parse entities: {words}{where}")

    def peek(self) -> str:
        return self.source[self.place] if self.place < len(self.source) else ""

    def take_until(self, stops: str) -> str:
        start = self.place
        while self.peek() and self.peek() not in stops:
            self.place += 1
        return self.source[start : self.place]

    def skip_space(self) -> None:
        while self.peek() and self.peek() in _SPACE:
            self.place += 1

    def character(self) -> str:
        """Take one character, decoding a reference."""
        found = _REFERENCE.match(self.source, self.place)
        if found is None:
            self.place += 1
            return self.source[self.place - 1]
        decimal, hexadecimal, named = found.groups()
        code = ord(_NAMED[named]) if named else int(decimal or hexadecimal, 10 if decimal else 16)
        if not 0 < code <= 0x10FFFF:
            self.place += 1
            return "&"
        self.place = found.end()
        return chr(code)

    def read(self) -> tuple[str, list[dict[str, Any]]]:
        while self.place < len(self.source):
            if self.peek() != "<":
                character = self.character()
                self.text.append(character)
                self.offset += utf16_length(character)
            elif self.source.startswith("</", self.place):
                self.end_tag()
            else:
                self.start_tag()
        if self.open:
            self.fail(f'Can\'t find end tag corresponding to start tag "{self.open[-1].name}"')
        ordered = sorted(self.entities, key=lambda entity: (entity["offset"], -entity["length"]))
        return "".join(self.text), ordered

    def start_tag(self) -> None:
        begin = self.place
        self.place += 1
        name = self.take_until(_SPACE + ">").lower()
        if not self.peek():
            self.fail("Unclosed start tag", begin)
        if name not in TAGS:
            self.fail(f'Unsupported start tag "{name}"', begin)
        attributes: dict[str, str] = {}
        while True:
            self.skip_space()
            if self.peek() == ">":
                break
            self.attribute(name, attributes, begin)
        self.place += 1
        if name == "span" and attributes.get("class") != "tg-spoiler":
            self.fail('Tag "span" must have class "tg-spoiler"', begin)
        self.open.append(_Open(name, attributes, self.offset, len(self.text)))

    def attribute(self, tag: str, attributes: dict[str, str], begin: int) -> None:
        attribute = self.take_until(_SPACE + "=>").lower()
        if not self.peek():
            self.fail("Unclosed start tag", begin)
        if not attribute:
            self.fail(f'Empty attribute name in the tag "{tag}"', begin)
        self.skip_space()
        if self.peek() != "=":
            if tag == "blockquote" and attribute == "expandable":
                attributes[attribute] = ""
                return
            self.fail(f'Expected equal sign in declaration of an attribute of the tag "{tag}"', begin)
        self.place += 1
        self.skip_space()
        if not self.peek():
            self.fail("Unclosed start tag", begin)
        if self.peek() in "'\"":
            quote = self.peek()
            self.place += 1
            value = ""
            while self.peek() and self.peek() != quote:
                value += self.character()
            self.place += 1
        else:
            token = _NAME_TOKEN.match(self.source, self.place)
            value = token.group().lower() if token else ""
            start = self.place
            self.place += len(value)
            if self.peek() and self.peek() not in _SPACE + ">":
                self.fail("Unexpected end of name token", start)
        if not self.peek():
            self.fail("Unclosed start tag", begin)
        attributes[attribute] = value

    def end_tag(self) -> None:
        begin = self.place
        if not self.open:
            self.fail("Unexpected end tag", begin)
        self.place += 2
        name = self.take_until(_SPACE + ">").lower()
        self.skip_space()
        if self.peek() != ">":
            self.fail("Unclosed end tag", begin)
        self.place += 1
        tag = self.open.pop()
        if name and name != tag.name:
            self.fail(
                f"Unmatched end tag at byte offset {len(self.source[:begin].encode())}, "
                f'expected "</{tag.name}>", found "</{name}>"'
            )
        if self.offset > tag.offset:
            self.entity(tag)

    def entity(self, tag: _Open) -> None:
        entity: dict[str, Any] = {
            "type": TAGS[tag.name],
            "offset": tag.offset,
            "length": self.offset - tag.offset,
        }
        if tag.name == "a":
            link = tag.attributes.get("href") or "".join(self.text[tag.start :])
            if "." not in link and not link.startswith(("http://", "https://", "tg://")):
                return  # The server drops a link that leads nowhere.
            entity["url"] = link
        if tag.name == "tg-emoji":
            entity["custom_emoji_id"] = tag.attributes.get("emoji-id", "")
        if tag.name == "blockquote" and "expandable" in tag.attributes:
            entity["type"] = "expandable_blockquote"
        self.entities.append(entity)


def parse_html(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the text that people see and its entities, or raise the server's error."""
    return _Reader(source).read()
