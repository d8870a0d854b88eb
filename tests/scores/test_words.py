"""The words that programs have for stages."""

import pytest

from psgvlm.scores.words import ARTEFACT, ASLEEP, LIGHTS, MOVEMENT, UNSCORED, meaning_of

SPELLINGS = {
    "W": "W|wk|WAKE|Stage W|StageW|Stage - W|Sleep stage Wake|Sleep_stage_W|SLEEP-S0|S0|sleep-wake|"
    "SDO:WakeState|SRO:Wake|W (uncertain)|'Wach'|Éveil|E\u0301veil|Vigilia|Stadium W|\xa0W\xa0",
    "N1": "N1|S1|NREM1|NREM 1|NREM-1|NonREM1|Non-REM 1|Stage 1|Stage: N1|Stage NREM1|Stage - 1|"
    "Stadium 1|Stade 1|Stage 1 sleep|N1 sleep|Sleep stage N1@@EEG F4-A1|SLEEP-S1|SRO:Stage1Sleep|"
    "SDO:NonRapidEyeMovementSleep-N1",
    "N3": "N3|N4|S4|NREM4|Sleep stage 4|Sleep stage 3/4|Stadium 4|SRO:Stage34Sleep|SWS|DEEP",
    "R": "R|RE|Rem|StageREM|Stage - R|REM sleep|REM-sleep|SLEEP-RM|SRO:RapidEyeMovement|Fase R",
    UNSCORED: "?|U|UNS|NotScored|Stage - No Stage|UnknownStage|Sleep stage ?|Sleep stage X||NaN",
    MOVEMENT: "MT|MVT|Movement time|Sleep stage MVT|SLEEP-MT|Bewegung",
    ARTEFACT: "A|ART|Artefakt",
    LIGHTS: "L|Lights Off|LIGHTS-OFF|L/O|LON|Lights Off@@EEG F4-A1",
    ASLEEP: "N|NREM|Sleep stage N|SLEEP",
}


@pytest.mark.parametrize(("meaning", "words"), SPELLINGS.items())
def test_every_spelling_has_its_meaning(meaning, words):
    words = words.split("|")
    assert {word: meaning_of(word) for word in words} == dict.fromkeys(words, meaning)


@pytest.mark.parametrize(("word", "stage"), [("Wake|0", "W"), ("REM sleep|5", "R")])
def test_the_code_behind_a_word_is_passed_over(word, stage):
    assert meaning_of(word) == stage


@pytest.mark.parametrize(
    "word",
    ["0", "4", "-1", "Stage", "Stage -1", "patient in REM", "no EEG", "N5", "Stage 7", "1S3"],
)
def test_what_is_no_stage_word_has_no_meaning(word):
    assert meaning_of(word) is None


def test_the_name_of_a_program_is_no_word_for_a_stage():
    assert meaning_of("U-Sleep") is None and meaning_of("USleep") is None
    assert meaning_of("Stage 1 sleep") == "N1" and meaning_of("NREM2 sleep") == "N2"
