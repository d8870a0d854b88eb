"""The two kinds of XML in which NSRR distributes the scores of a recording."""

from xml.etree import ElementTree

from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.scorers import runs

CONCEPTS = {
    0: "Wake|0",
    **{stage: f"Stage {stage} sleep|{stage}" for stage in (1, 2, 3, 4)},
    5: "REM sleep|5",
    6: "Movement|6",
    9: "Unscored|9",
}


def write(base, folder, name, kinds, codes, events, clock="", more=()):
    """Write the XML files of a recording below `base`, the folder `polysomnography`.

    Parameters
    ----------
    base, folder : path
        The folder of the tree, and the folder of the visit within those of the kinds.
    name : str
        The name of the recording.
    kinds : iterable of str
        "nsrr", "profusion" or both.
    codes : list of int
        The code of each epoch.
    events : list of PlantedWave
        What the night holds; arousals go into the NSRR XML.
    clock : str
        The time of day at which the recording starts; left out if empty.
    more : iterable of str
        Further concepts of the type `Stages|Stages`, each at the start and without a length.
    """
    roots = {"nsrr": _nsrr(codes, events, clock, more), "profusion": _profusion(codes)}
    for kind in kinds:
        ElementTree.indent(roots[kind])
        text = ElementTree.tostring(roots[kind], encoding="unicode")
        path = base / f"annotations-events-{kind}" / folder / f"{name}-{kind}.xml"
        write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _profusion(codes):
    root = ElementTree.Element("CMPStudyConfig")
    ElementTree.SubElement(root, "EpochLength").text = str(EPOCH_S)
    stages = ElementTree.SubElement(root, "SleepStages")
    for code in codes:
        ElementTree.SubElement(stages, "SleepStage").text = str(code)
    return root


def _nsrr(codes, events, clock, more):
    """Return one event for each run of equal stages, and the arousals."""
    root = ElementTree.Element("PSGAnnotation")
    ElementTree.SubElement(root, "SoftwareVersion").text = "Compumedics"
    ElementTree.SubElement(root, "EpochLength").text = str(EPOCH_S)
    scored = ElementTree.SubElement(root, "ScoredEvents")

    def add(event_type, concept, start_s, duration_s, clock=""):
        event = ElementTree.SubElement(scored, "ScoredEvent")
        fields = {"EventType": event_type, "EventConcept": concept}
        fields |= {"Start": f"{start_s:.1f}", "Duration": f"{duration_s:.1f}"}
        if clock:
            fields["ClockTime"] = clock
        for name, value in fields.items():
            ElementTree.SubElement(event, name).text = value

    # NSRR removes the date of the recording.
    date_and_time = f"00.00.00 {clock}" if clock else ""
    add("", "Recording Start Time", 0, len(codes) * EPOCH_S, date_and_time)
    for concept in more:
        add("Stages|Stages", concept, 0, 0)
    for event in events:
        if event.kind == "arousal":
            add("Arousals|Arousals", "Arousal|Arousal ()", event.onset_s, event.duration_s)
    for first, count, code in runs(codes):
        add("Stages|Stages", CONCEPTS[code], first * EPOCH_S, count * EPOCH_S)
    return root
