"""Formatted text: Telegram's HTML into plain text with entities, and the entities that Telegram finds by itself.

Offsets and lengths count UTF-16 code units (Bot API, "Formatting options").
"""

import html
import re
from dataclasses import dataclass
from typing import Any, Final

from app.sandbox.botapi.call import Call
from app.sandbox.botapi.errors import bad_request
from app.sandbox.store import Json

_SIMPLE_TAGS: Final = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
}
_TAGS: Final = frozenset({*_SIMPLE_TAGS, "a", "span", "blockquote", "tg-emoji"})
_TOKEN: Final = re.compile(
    r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9-]*)(?P<rest>[^<>]*)>|(?P<entity>&#?\w+;)|(?P<stray><)"
)
_ATTRIBUTE: Final = re.compile(r"""([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
# Telegram knows these by name; others stay as they are written.
_NAMED: Final = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"'}
_FOUND: Final = re.compile(
    r"(?P<bot_command>(?<![\w/<])/[a-zA-Z0-9_]{1,32}(?:@\w{3,32})?\b)"
    r"|(?P<url>\bhttps?://[^\s<>\"]+[^\s<>\".,!?:;)\]'])"
    r"|(?P<email>\b[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?P<mention>(?<!\w)@[a-zA-Z]\w{3,31}\b)"
    r"|(?P<hashtag>(?<!\w)#\w*[^\W\d]\w*)"
)


@dataclass(frozen=True, slots=True)
class RichText:
    """Text without its markup, and what the markup said."""

    text: str
    entities: tuple[Json, ...]

    @property
    def length(self) -> int:
        return units(self.text)

    def as_fields(self, text_field: str, entities_field: str) -> Json:
        """As a message carries it; empty text and no entities are left out."""
        fields: Json = {}
        if self.text:
            fields[text_field] = self.text
        if self.entities:
            fields[entities_field] = list(self.entities)
        return fields


def units(text: str) -> int:
    """The length in UTF-16 code units."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def formatted(call: Call, field: str) -> RichText:
    """The text of a parameter, by its parse mode or by the entities sent with it.

    Raises: Refusal.
    """
    entities_field = "entities" if field == "text" else f"{field}_entities"
    return compose(call.text(field), call.text("parse_mode"), call.structure(entities_field))


def compose(source: str, parse_mode: str, entities: Any) -> RichText:
    """Text with its own entities, plus those that Telegram finds, without the space around it.

    Raises: Refusal.
    """
    match parse_mode.lower():
        case "html":
            text, marked = _parse_html(source)
        case "":
            text, marked = source, [dict(entity) for entity in entities or []]
        case _:
            # Of the other modes, MarkdownV2 and Markdown, nothing here makes use.
            reason = "unsupported parse_mode"
            raise bad_request(reason)
    return _trim(text, _merge(marked, find_entities(text)))


def find_entities(text: str) -> list[Json]:
    """Commands, links, mentions, addresses and hashtags, as every Telegram client marks them."""
    return [
        {"type": str(match.lastgroup), "offset": units(text[: match.start()]), "length": units(match.group())}
        for match in _FOUND.finditer(text)
    ]


def _merge(marked: list[Json], found: list[Json]) -> list[Json]:
    """What Telegram finds counts only where nothing that excludes it was marked."""
    taken = [
        (entity["offset"], entity["offset"] + entity["length"])
        for entity in marked
        if entity["type"] in {"code", "pre", "text_link", "text_mention"}
    ]
    free = [
        entity
        for entity in found
        if all(entity["offset"] >= end or entity["offset"] + entity["length"] <= start for start, end in taken)
    ]
    return sorted([*marked, *free], key=lambda entity: (entity["offset"], -entity["length"]))


def _trim(text: str, entities: list[Json]) -> RichText:
    start = len(text) - len(text.lstrip())
    trimmed = text.strip()
    shift, total = units(text[:start]), units(trimmed)
    kept = []
    for entity in entities:
        begin = max(0, entity["offset"] - shift)
        end = min(total, entity["offset"] + entity["length"] - shift)
        if end > begin:
            kept.append({**entity, "offset": begin, "length": end - begin})
    return RichText(trimmed, tuple(kept))


@dataclass(slots=True)
class _OpenTag:
    name: str
    offset: int
    attributes: dict[str, str]


def _parse_html(source: str) -> tuple[str, list[Json]]:
    text: list[str] = []
    length = 0
    entities: list[Json] = []
    stack: list[_OpenTag] = []
    position = 0
    for token in _TOKEN.finditer(source):
        plain = source[position : token.start()]
        text.append(plain)
        length += units(plain)
        position = token.end()
        if token["entity"]:
            decoded = _decode(token["entity"])
            text.append(decoded)
            length += units(decoded)
        elif token["stray"]:
            raise _cannot_parse(f'Unsupported start tag "" at byte offset {_byte_offset(source, token.start())}')
        elif token["close"]:
            entities.extend(_close(stack, token["name"].lower(), length, _byte_offset(source, token.start())))
        else:
            stack.append(_open(token, length, _byte_offset(source, token.start())))
    text.append(source[position:])
    if stack:
        name = stack[-1].name
        raise _cannot_parse(f'Can\'t find end tag corresponding to start tag "{name}"')
    return "".join(text), sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def _open(token: re.Match[str], length: int, byte_offset: int) -> _OpenTag:
    name = token["name"].lower()
    attributes = {key.lower(): html.unescape(a or b or c) for key, a, b, c in _ATTRIBUTE.findall(token["rest"])}
    is_spoiler = name != "span" or attributes.get("class") == "tg-spoiler"
    if name not in _TAGS:
        raise _cannot_parse(f'Unsupported start tag "{name}" at byte offset {byte_offset}')
    if not is_spoiler:
        raise _cannot_parse(f'Tag "span" must have class "tg-spoiler" at byte offset {byte_offset}')
    return _OpenTag(name, length, attributes)


def _close(stack: list[_OpenTag], name: str, length: int, byte_offset: int) -> list[Json]:
    if not stack:
        raise _cannot_parse(f"Unexpected end tag at byte offset {byte_offset}")
    tag = stack.pop()
    if tag.name != name:
        raise _cannot_parse(
            f'Unmatched end tag at byte offset {byte_offset}, expected "</{tag.name}>", found "</{name}>"'
        )
    language = tag.attributes.get("class", "").removeprefix("language-") if name == "code" else ""
    if language and stack and stack[-1].name == "pre" and stack[-1].offset == tag.offset:
        # The language is said on a code tag inside and belongs to the pre around it; alone on a code it says nothing.
        stack[-1].attributes["language"] = language
        return []
    kind = _entity_of(tag)
    if kind is None or length == tag.offset:
        return []
    return [{**kind, "offset": tag.offset, "length": length - tag.offset}]


def _entity_of(tag: _OpenTag) -> Json | None:
    match tag.name:
        case "a":
            return _link(tag.attributes.get("href", ""))
        case "span":
            return {"type": "spoiler"}
        case "blockquote":
            return {"type": "expandable_blockquote" if "expandable" in tag.attributes else "blockquote"}
        case "tg-emoji":
            return {"type": "custom_emoji", "custom_emoji_id": tag.attributes.get("emoji-id", "")}
        case "pre" if "language" in tag.attributes:
            return {"type": "pre", "language": tag.attributes["language"]}
        case name:
            return {"type": _SIMPLE_TAGS[name]}


def _link(address: str) -> Json | None:
    # A link without an address, or with one that Telegram does not take, is plain text.
    return {"type": "text_link", "url": address} if re.match(r"(https?|tg|mailto|tel):", address) else None


def _decode(entity: str) -> str:
    if entity.startswith("&#"):
        return html.unescape(entity)
    return _NAMED.get(entity, entity)


def _byte_offset(source: str, index: int) -> int:
    return len(source[:index].encode())


def _cannot_parse(reason: str) -> Exception:
    return bad_request(f"can't parse entities: {reason}")
