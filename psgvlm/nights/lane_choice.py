"""Choosing the lanes of a recording: by its labels, and by what its signals can show.

Builders, inspection, staging and the page choose lanes with this module alone, so that they agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.recordings.lane_map import named_sources
from psgvlm.recordings.lane_rules import Lane
from psgvlm.recordings.lane_search import find_lanes
from psgvlm.recordings.lanes import Derivation, LaneMap
from psgvlm.recordings.recording import Recording, microvolts
from psgvlm.signals.filters import reach_s
from psgvlm.signals.traces import amplitudes_uv, useless_share

PLAUSIBLE_UV = (1.0, 1000.0)  # the amplitude of an EEG lane (see `amplitudes_uv`)
LEAST_HZ = {"EEG": 32, "EOG": 20, "EMG": 50, "ECG": 50}
_WHY = {
    "EEG": "spindles need",
    "EOG": "rapid eye movements need",
    "EMG": "muscle tone needs",
    "ECG": "the QRS complex needs",
}
MOST_UV = 10_000.0  # no EOG, EMG or ECG in another unit than µV is larger


def choose_lanes(
    recording: Recording,
    spec: ImageSpec,
    map: str = "",
    *,
    aliases: Mapping[str, Sequence[str]] | None = None,
    check_amplitude: bool = True,
) -> tuple[LaneMap, list[str]]:
    """Choose what fills the lanes of a recording.

    A derivation that cannot be shown is passed over: a channel that is no voltage or has a broken
    calibration, a rate that is too low for the lane, two channels of different rates, an amplitude
    that no such signal has. The next derivation takes its place, or the lane stays empty.

    Parameters
    ----------
    recording : Recording
    spec : ImageSpec
        Its montage and its bands.
    map : str, optional
        The user's map, or the path of a file with rules (`psgvlm.recordings.lane_map`).
    aliases : mapping of str to sequence of str, optional
        What the data set calls the derivations of lanes.
    check_amplitude : bool, default True
        Whether to read some of the signals, to pass over those with an amplitude that no such
        signal has.

    Returns
    -------
    LaneMap
        With notes on substitutes and empty lanes. There may be no EEG in it.
    list of str
        Notes on rules of the map that are not used.

    Raises
    ------
    InputError
        If the map cannot be read, or names a label that the recording lacks.
    """
    named, notes = named_sources(map, recording)
    amplitudes: dict[Derivation, float] = {}
    bad: dict[Derivation, str] = {}

    def fault(lane: Lane, derivation: Derivation) -> str | None:
        reason = _channel_fault(recording, derivation) or bad.get(derivation)
        return reason or _rate_fault(recording, spec, lane, derivation)

    def best(derivations: Sequence[Derivation]) -> Derivation:
        shares = [round(useless_share(recording, one), 2) for one in derivations]
        return derivations[shares.index(min(shares))]

    while True:
        lanes = find_lanes(
            recording.labels, spec.montage, aliases, named=named, fault=fault, best=best
        )
        if not check_amplitude:
            return lanes, notes
        pairs = zip(lanes.lanes, lanes.sources, strict=True)
        lane_of = {source: lane for lane, source in pairs if source}
        new = [source for source in _with_parts(lane_of) if source not in amplitudes]
        amplitudes |= amplitudes_uv(recording, new) if new else {}
        found = _bad_amplitudes(recording, lane_of, amplitudes)
        if not found.keys() - bad.keys():
            return _with_flat_lanes(lanes, amplitudes), notes
        bad |= found


def refuse_substitutes(recording: Recording, lanes: LaneMap) -> None:
    """Raise InputError if a substitute fills a lane."""
    if lanes.substitutes:
        raise InputError(
            f"{recording.path}: {'; '.join(lanes.substitutes)}; expected the lanes' own "
            "derivations, because substitutes are refused: name another signal in the map, or "
            "allow substitutes",
            "strict",
        )


def _channel_fault(recording: Recording, derivation: Derivation) -> str | None:
    for label in filter(None, (derivation.plus, derivation.minus)):
        channel = recording.channel(label)
        if channel.fault:
            return f"cannot be read: channel {label!r} {channel.fault}"
        if microvolts(channel.unit) is None:
            return (
                f"cannot be read: channel {label!r} is in {channel.unit!r}, which is not a voltage"
            )
    return None


def _rate_fault(
    recording: Recording, spec: ImageSpec, lane: Lane, derivation: Derivation
) -> str | None:
    rate_hz = recording.channel(derivation.plus).rate_hz
    if derivation.minus is not None:
        other_hz = recording.channel(derivation.minus).rate_hz
        if other_hz != rate_hz:
            return f"has channels with rates of {rate_hz:g} and {other_hz:g} Hz"
    least_hz = LEAST_HZ[lane.modality]
    if rate_hz < least_hz:
        return (
            f"is at {rate_hz:g} Hz; expected an {lane.modality} at {least_hz} Hz or more, which "
            f"{_WHY[lane.modality]}"
        )
    try:
        reach_s(rate_hz, spec.band_hz(lane.modality))
    except InputError as error:
        return f"cannot be shown: {error}"
    return None


def _bad_amplitudes(
    recording: Recording, lane_of: Mapping[Derivation, Lane], amplitudes: Mapping[Derivation, float]
) -> dict[Derivation, str]:
    """Return the sources that have an amplitude that no such signal has, and why.

    Every EEG is judged, and what is not in µV. An EEG lane may be flat for most of the night as
    long as another one is not.
    """
    eeg = [source for source, lane in lane_of.items() if lane.modality == "EEG"]
    reasons = {}
    if not any(amplitudes[source] for source in eeg):
        reasons = dict.fromkeys(eeg, "is flat for most of the record; expected an EEG that moves")
    for source, lane in lane_of.items():
        if lane.modality != "EEG" and not _scaled(recording, source):
            continue
        low, high = PLAUSIBLE_UV if lane.modality == "EEG" else (0.0, MOST_UV)
        if amplitudes[source] and not low <= amplitudes[source] <= high:
            unit = recording.channel(source.plus).unit or "no unit"
            reasons[source] = (
                f"({unit}) spans {amplitudes[source]:.3g} µV, a likely error of unit or gain; "
                f"expected {low:g} to {high:g} µV"
            )
    return reasons


def _with_flat_lanes(lanes: LaneMap, amplitudes: Mapping[Derivation, float]) -> LaneMap:
    """Return the lanes with a note on what is flat: a lane, or one of its two channels."""
    notes = []
    for source, note in zip(lanes.sources, lanes.notes, strict=True):
        parts = [note] if note else []
        if source and not amplitudes[source]:
            parts.append("flat for most of the record")
        elif source and source.minus:
            parts += [
                f"{p} is flat for most of the record" for p in _parts(source) if not amplitudes[p]
            ]
        notes.append("; ".join(parts))
    return replace(lanes, notes=tuple(notes))


def _parts(source: Derivation) -> list[Derivation]:
    return [Derivation(label) for label in (source.plus, source.minus) if label]


def _with_parts(sources: Iterable[Derivation]) -> list[Derivation]:
    """Return sources, and the channels of those that are differences, each once."""
    return list(dict.fromkeys(one for source in sources for one in (source, *_parts(source))))


def _scaled(recording: Recording, source: Derivation) -> bool:
    """Return whether a source is in a unit other than µV."""
    return microvolts(recording.channel(source.plus).unit) != 1.0
