"""Music for short films: plucked notes of a five-note scale, always the same for the same dice."""

import math
import random
from array import array
from functools import lru_cache
from typing import Final

RATE: Final = 22_050
_PITCHES: Final = (220.0, 246.94, 277.18, 329.63, 369.99, 440.0)
_BEAT_SECONDS: Final = 0.5
_NOTE_SECONDS: Final = 1.4
_LOUDNESS: Final = 0.22
_FADE_SECONDS: Final = 0.6


def compose(dice: random.Random, seconds: float) -> "array[float]":
    """One channel of samples from -1 to 1."""
    count = round(seconds * RATE)
    track = array("f", bytes(4 * count))
    for beat in range(round(seconds / _BEAT_SECONDS)):
        for pitch in {dice.choice(_PITCHES), dice.choice(_PITCHES) / 2}:
            start = round(beat * _BEAT_SECONDS * RATE)
            for at, sample in enumerate(_note(pitch)[: count - start], start=start):
                track[at] += sample
    fade = min(count, round(_FADE_SECONDS * RATE))
    for at in range(fade):
        track[count - fade + at] *= 1 - at / fade
    return track


@lru_cache(maxsize=2 * len(_PITCHES))
def _note(pitch: float) -> "array[float]":
    """A string that is plucked and dies away."""
    turn = 2 * math.pi * pitch / RATE
    return array(
        "f",
        (
            _LOUDNESS * math.exp(-3.2 * at / RATE) * (math.sin(turn * at) + 0.3 * math.sin(2 * turn * at))
            for at in range(round(_NOTE_SECONDS * RATE))
        ),
    )
