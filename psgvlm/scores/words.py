"""The words for stages: every spelling that scoring programs and public data sets use.

The spellings are those of Luna, psg-utils, wonambi, SleepTrip, sleepecg, MNE, YASA and the data
sets' own documents. A word counts only as a whole: notes of technicians contain names of stages.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from psgvlm.stages import STAGES

# What a word means if it is no stage. All of these leave the epoch unscored, except `LIGHTS`, which
# says nothing about an epoch.
UNSCORED, MOVEMENT, ARTEFACT = "unscored", "movement", "artefact"
ASLEEP = "asleep, stage unknown"
LIGHTS = "lights"

# The stem of each word, without spaces; `_PREFIX` and `_SUFFIX` may stand around it.
_STEMS = {
    # Wake in the languages of exporting programs, from German to Korean.
    "W": "w wk wake awake awa wakefulness wakestate w(uncertain) s0 wach wachheit éveil eveil "
    "vigilia vigília despierto despierta desperto acordado veglia waak wakker waken vågen våken "
    "vaken valve hereillä vaka czuwanie bdění bdělost ébren éber uyanık uyanik 覚醒 清醒 각성",
    "N1": "n1 s1 nrem1 nonrem1",
    "N2": "n2 s2 nrem2 nonrem2",
    "N3": "n3 s3 nrem3 nonrem3 n4 s4 nrem4 nonrem4 sws deep",
    "R": "r re rm rem rapideyemovement paradoxal mor",
    UNSCORED: "? u un uns unk unknown unscored unscorable notscored unknownstage no nostage x "
    "noscore undefined missing nan n/a na none p indeterminate disconnected nichtbewertet "
    "nonscoré nonscore sinpuntuar",
    MOVEMENT: "m mt mv mvt movement movementtime bewegung bewegungszeit mouvement movimiento "
    "movimento",
    ARTEFACT: "a art artifact artefact artefakt artefacto artefatto artéfact",
    ASLEEP: "n nr nrem nonrem s light sleep",
    LIGHTS: "l lo lon lout loff l/o l/on l/off lights lightsoff lightsout lightoff lightsout "
    "lightson lighton lights-off lights-on",
}
_MEANINGS = {stem: meaning for meaning, stems in _STEMS.items() for stem in stems.split()}
# A number is a stage of Rechtschaffen and Kales only after a word: "Stage 4", not "4".
_NUMBERED = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "34": "N3", "3/4": "N3"}
_WITH_NUMBERS = _MEANINGS | _NUMBERED
_PREFIX = re.compile(
    r"^(sdo:|sro:|sleepstages?[-:]?|stages?[-:]?|nonrapideyemovementsleep-|sleep-?|stadium|stade|"
    r"stadio|estadio|estágio|estagio|fase|phase|schlafstadium|sommeil)"
)
_SUFFIX = re.compile(r"(sleep|stage)$")
_MINUS = re.compile(r"\s-\d+$")  # `Stage -1` has a number below zero, `Stage - 1` is stage 1


@lru_cache(maxsize=10_000)
def key_of(word: str) -> str:
    """Return a word in the form in which words are compared.

    That is lower case without spaces (no-break ones too), quotes, underscores, Polyman's linked
    channel (`@@...`) and NSRR's code (`|5`).

    Examples
    --------
    >>> key_of("Sleep stage N2@@EEG F4-A1"), key_of("REM sleep|5")
    ('sleepstagen2', 'remsleep')
    """
    text = unicodedata.normalize("NFC", word.partition("@@")[0]).strip().strip("\"'")
    text = re.sub(r"(?<=\S)\|-?\d+$", "", text)
    return re.sub(r"[\s_\u200b\ufeff]+", "", text).casefold()


@lru_cache(maxsize=10_000)
def meaning_of(word: str) -> str | None:
    """Return what a word means: a stage, one of this module's constants, or None if unknown.

    Examples
    --------
    >>> meaning_of("SLEEP-S3"), meaning_of("Movement time"), meaning_of("Stage - No Stage")
    ('N3', 'movement', 'unscored')
    >>> meaning_of("patient went to REM") is None and meaning_of("4") is None
    True
    """
    stem = key_of(word)
    if not stem:
        return UNSCORED
    if _MINUS.search(word.strip()):
        return None
    # Programs differ in hyphens and colons within a word: `NREM-2`, `Stage: N2`.
    plain = re.sub(r"(?<=.)[-:]", "", stem)
    return _meaning_of_stem(stem) or (_meaning_of_stem(plain) if plain != stem else None)


def _meaning_of_stem(stem: str) -> str | None:
    """Return what a stem means once the words around it are taken off."""
    meanings: Mapping[str, str] = _MEANINGS
    while stem not in meanings:
        shorter = _PREFIX.sub("", stem, count=1)
        if shorter == stem:
            # "REM sleep" and "Wake stage", but "U-Sleep" is a program.
            shorter = _SUFFIX.sub("", stem)
            if _WITH_NUMBERS.get(_PREFIX.sub("", shorter, count=1)) not in STAGES:
                return None
        if shorter in ("", stem):
            return None
        stem, meanings = shorter, _WITH_NUMBERS
    return meanings[stem]


@lru_cache(4096)
def is_stage_text(text: str) -> bool:
    """Return whether a text among other events is about a stage: `Sleep stage X`, or a known word.

    Notes, arousals and lights are not, nor is a bare number.
    """
    key = key_of(text)
    meaning = meaning_of(text) if key else None
    if key.startswith("sleepstage"):
        return key != "sleepstage"
    return meaning in (*STAGES, MOVEMENT, UNSCORED, ASLEEP)
