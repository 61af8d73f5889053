"""The rules in force until the operator sets others: what no vendor makes and no shop may sell.

Words are matched whole, after normalisation; a vendor's own moderation stays behind them.
"""

from typing import Final

from app.domain.ports import ModerationRules

DEFAULT_RULES: Final = ModerationRules(
    words={
        "minors": (
            "child porn",
            "csam",
            "lolicon",
            "shotacon",
            "preteen nude",
            "детское порно",
            "голые дети",
            "лоликон",
            "bolalar pornosi",
            "yalangʻoch bola",
            "yalang'och bola",
        ),
        "sexual_violence": (
            "rape",
            "gang rape",
            "bestiality",
            "изнасилование",
            "зоофилия",
            "zoʻrlash sahnasi",
            "zo'rlash sahnasi",
        ),
        "terror": (
            "isis propaganda",
            "terrorist recruitment",
            "пропаганда игил",
            "вербовка террористов",
            "terrorchilikka chorlov",
        ),
        "weapons": (
            "pipe bomb instructions",
            "how to build a bomb",
            "как сделать бомбу",
            "инструкция бомбы",
            "bomba yasash",
        ),
        "self_harm": ("suicide instructions", "способы самоубийства", "oʻz joniga qasd qilish usullari"),
    },
    patterns={
        "minors": (
            r"\b(?:nude|naked|porn\w*|sexy|erotic)\b.{0,40}\b(?:child(?:ren)?|kids?|minors?|toddlers?|schoolgirls?)\b",
            r"\b(?:child(?:ren)?|kids?|minors?|toddlers?|schoolgirls?)\b.{0,40}\b(?:nude|naked|porn\w*|sexy|erotic)\b",
            r"\b(?:гол\w{2,3}|обнаж[её]нн\w+|порно\w*|эротич\w+)\b.{0,40}\b(?:дет\w{1,3}|реб[её]н\w+|школьниц\w*)\b",
            r"\b(?:дет\w{1,3}|реб[её]н\w+|школьниц\w*)\b.{0,40}\b(?:гол\w{2,3}|обнаж[её]нн\w+|порно\w*|эротич\w+)\b",
            r"\byalang.?och\b.{0,40}\b(?:bola\w*|oʻquvchi\w*|o'quvchi\w*)\b",
        ),
    },
)
