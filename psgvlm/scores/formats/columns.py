"""What the columns of a table hold, by their headers: stages, times, epochs, events, scorers."""

import re
from collections.abc import Sequence

from psgvlm.scores.formats.moments import UNITS_S, moment_of
from psgvlm.scores.words import meaning_of
from psgvlm.stages import STAGES

# Headers without blanks, case, punctuation and unit, in the languages of scoring programs.
_START = """
 onset onsets onsettime start starts starttime starttimes startzeit begin begintime beginn beginning
 from von time times timestamp timestamps zeit zeitpunkt uhrzeit clock clocktime heure heurededébut
 heurededebut début debut temps hora horadeinicio horainicio inicio tiempo tijd starttijd begintijd
 tijdstip inizio ora oradiinizio recordingonset epochstart epochonset epochstarttime epochtime
 abstime absolutetime realtime timeofday datetime startdatetime elapsed elapsedtime relativetime
 relativeonset seconds sec secs second startsec t kl tid aika latency"""
_DURATION = """
 duration durations dur dauer durée duree duración duracion duração durata duur length länge laenge
 längd epochlength epochduration eventduration varighed"""
_END = """
 end ends endtime ende endzeit fin heuredefin stop stops stoptime finish to until bis fine einde
 eindtijd final ending stoptijd epochend"""
_EPOCH = """
 epoch epochs epoche epochen époque epoque époques epoques época epoca epocas tijdvak epochnumber
 epochno epochnum epochnr epochid epochindex epochidx epochennummer no nr nummer num number numero
 numéro número index idx row line page seite pageno window segment unnamed0 sleepepoch scoringepoch
 # n°"""
_EVENT = """
 annotation annotations event events eventtype eventname eventlabel description descriptions
 trialtype text texts label labels type class name value comment comments note notes ereignis
 ereignisse événement évènement evenement evento eventos kommentar concept eventconcept gebeurtenis
 marker markers scoredevent item category"""
_SCORER = """
 annotator annotatorid annotators scorer scorers scorerid rater raterid raters reader expert
 scoredby annotatedby technician"""
_DATE = "date datum fecha data startdate dato"
_RECORDING = """
 subject subjectid subjects participant participantid patient patientid recording recordingid
 recordingname file filename filepath night nightid study studyid psg psgid edf record nsrrid pid"""
STARTS, DURATIONS, ENDS, EPOCHS, EVENTS, SCORERS, DATES, RECORDINGS = (
    frozenset(names.split())
    for names in (_START, _DURATION, _END, _EPOCH, _EVENT, _SCORER, _DATE, _RECORDING)
)
METHODS = frozenset({"annotationmethod", "method", "source", "scoringmethod", "annotationtype"})
METHOD_WORDS = re.compile(
    "manual|automat|algorithm|expert|human|visual|machine|model", re.IGNORECASE
)
# Headers of numbers that count epochs, not the rows of a table.
COUNTS_EPOCHS = re.compile("epo|époq|époc|tijdvak|page|seite|window|segment")
# Columns of events that may hold stages as bare numbers.
NUMBERED_EVENTS = frozenset({"label", "labels", "class"})
# Headers of times that count from the recording's start, even if written as 00:00:30.
SINCE_START = re.compile("onset|elapsed|relative")
CONFIDENCE = re.compile("confidence|certainty")
_PROBABILITY = re.compile(
    r"p(?:rob(?:a|ability|abilities)?)?[\s_\-:.(]+|[\s_]+p(?:rob(?:a|ability)?)?$"
)

_STAGE = re.compile(
    "stage|staging|stadi|stade|schlafphase|schlafstufe|slaapfase|etapa|estad[ií]|estágio|hypno|"
    "hipno|ipno|sleepstate|vigilancestate|scoring|sleepscore|fasedel|fasedi|fazasnu|univaihe|"
    "sömnst|søvnst|ytrue|ypred|睡眠|ステージ|стади"
)
_STAGE_WHOLE = frozenset({"state", "score", "scores", "stages", "aasm", "rk", "r&k", "hyp", "fase"})
_NO_STAGE = re.compile(
    "confidence|certainty|prob|duration|dauer|durée|onset|start|begin|time|number|percent|offset|"
    "change|position|method|version|entropy|comment|artefact|artifact"
)
_OTHER_EPOCH = re.compile(
    r"(?<![a-z])(prev|previous|prior|next|following|before|after|lag)(?![a-z])"
)
_PERSONS_COLUMN = re.compile(r"^(scorer|rater|annotator|expert|reader|technician)\W*\w{1,12}$")
_ALGORITHM = re.compile(
    r"(?<![a-z])(ai|auto|automatic|automated|automatically|algo|algorithm|alg|pred|preds|predicted|"
    r"prediction|ypred|yasa|usleep|u-sleep|u-time|utime|model|classifier|machine|software|cast|"
    r"computer|aut|autoscor\w*|autostag\w*|somnolyzer|deepsleep\w*|net|network|ml|dl|gssc|luna|pops|"
    r"stanford-stages|sleepware|neuronal)(?![a-z])"
)


def name_of(header: str) -> str:
    """Return a header in the form in which headers are compared: without its unit.

    Examples
    --------
    >>> name_of("Start Time [hh:mm:ss]"), name_of("onset_s"), name_of("Duration (seconds)")
    ('starttime', 'onset', 'duration')
    """
    words = _words(header)
    if len(words) > 1 and words[-1] in UNITS_S:
        words = words[:-1]
    return "".join(words)


def unit_of(header: str) -> str:
    """Return the unit in a header, such as `"s"`, `"min"` or `"30 s"`; empty if it has none.

    Examples
    --------
    >>> unit_of("Duration[min]"), unit_of("onset_ms"), unit_of("Epoch (30s)"), unit_of("onset")
    ('min', 'ms', '30s', '')
    """
    if found := re.search(r"[\[(]([^\])]*)[\])]", header):
        return found[1].strip().casefold()
    words = _words(header)
    return words[-1] if len(words) > 1 and words[-1] in UNITS_S else ""


def _words(header: str) -> list[str]:
    text = re.sub(r"[\[(][^\])]*[\])]?", " ", header.casefold())
    text = text.strip(" \t\"'\ufeff\u00a0:.*")
    words = [word for word in re.split(r"[\s_\-./:]+", text) if word]
    return words or ([text] if text else [])


def is_stage_header(header: str) -> bool:
    """Return whether a header says that its column holds stages."""
    name = name_of(header)
    if meaning_of(header) in STAGES or is_of_another_epoch(header):
        return False
    if _NO_STAGE.search(name) or (name in STARTS or name in EPOCHS):
        return False
    return bool(_STAGE.search(name) or name in _STAGE_WHOLE or is_person(header))


def is_of_another_epoch(header: str) -> bool:
    """Return whether a column holds the stage before or after the row's, as in `next_stage`."""
    return bool(_OTHER_EPOCH.search(header.casefold().replace("_", " ")))


def is_person(header: str) -> bool:
    """Return whether a header is a scorer's, as in `Scorer 1`: his stages, or notes about him."""
    return bool(_PERSONS_COLUMN.match(header.casefold())) and name_of(header) not in SCORERS


def probability_of(header: str) -> str | None:
    """Return the stage whose probability a column holds by its header, or None.

    Examples
    --------
    >>> probability_of("p_N1"), probability_of("proba_REM"), probability_of("x")
    ('N1', 'R', None)
    """
    meaning = meaning_of(_PROBABILITY.sub("", header.casefold()).strip(" )"))
    return meaning if meaning in STAGES else None


def is_algorithm(name: str) -> bool:
    """Return whether the name of a scorer or of a column is that of a program."""
    return bool(_ALGORITHM.search(name.casefold().replace("_", " ")))


def is_time_header(header: str) -> bool:
    """Return whether a header says that its column holds times, durations or numbers of epochs."""
    return any(name_of(header) in names for names in (STARTS, DURATIONS, ENDS, EPOCHS))


def is_known(header: str) -> bool:
    """Return whether a header is the name of a kind of column."""
    return is_stage_header(header) or is_time_header(header) or name_of(header) in EVENTS


def is_header(row: Sequence[str]) -> bool:
    """Return whether a row of cells is the header of a table of scores.

    Its cells are names, and at least one says that its column holds stages or events; a table
    whose stages are found by what they are has a header that names two other columns.
    """
    names = [cell for cell in row if cell]
    if len(names) < 2 and not (names and len(row) > 1):
        return False
    if any(moment_of(name) or meaning_of(name) in STAGES for name in names):
        return False
    known = [cell for cell in names if is_known(cell)]
    with_stages = [c for c in names if is_stage_header(c) or name_of(c) in EVENTS]
    if with_stages and len(known) >= 2:
        return True
    return 2 * len(known) >= len(names) and (len(known) >= 2 or bool(with_stages))
