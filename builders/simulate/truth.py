"""The truth of a simulated recording: its stages and waveforms, written beside the cohort."""

import json
from dataclasses import dataclass, replace

from psgvlm.builders.simulate.files import write_csv, write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S

EVENT_COLUMNS = ("kind", "channel", "onset_s", "duration_s", "amplitude_uv")


@dataclass(frozen=True)
class Truth:
    """The truth of a recording, in seconds of the recording.

    Parameters
    ----------
    recording : str
        Its name.
    stages : tuple of str
        The stage of each scored epoch.
    events : list of PlantedWave
        The waveforms that are wholly inside the recording.
    first_s : float
        When the first scored epoch starts.
    epoch_s : int
        The length of an epoch.
    scored : tuple of str, optional
        The stage that the files give each epoch, "" if they give none.
    subject : str
        The name of the person, the same for all nights of that person; "" if it is not known.
    lanes : dict of str to (str, tuple of str or None), optional
        The label of the signal that shows each lane of the montage `core`, "A - B" for a
        difference of two, several if any of them is right, or `None` if no signal can show it.
    no_nights : tuple of str
        Other files of the recording that look like recordings and are not scored nights.
    """

    recording: str
    stages: tuple[str, ...]
    events: list
    first_s: float = 0.0
    epoch_s: int = EPOCH_S
    scored: tuple[str, ...] | None = None
    subject: str = ""
    lanes: dict[str, str | tuple[str, ...] | None] | None = None
    no_nights: tuple[str, ...] = ()

    def write(self, folder):
        """Write `<recording>.csv` with the waveforms and `<recording>.stages.csv`.

        The stages have a column `duration_s` if epochs do not last 30 s, and a column `scored` if
        the truth says what the files give. If the truth names the subject, `<recording>.json`
        holds subject, lanes and the files that are no nights.
        """
        events = [
            (e.kind, e.channel, f"{e.onset_s:.4f}", f"{e.duration_s:.4f}", f"{e.amplitude_uv:.2f}")
            for e in self.events
        ]
        write_csv(folder / f"{self.recording}.csv", EVENT_COLUMNS, events)
        columns = ("epoch", "onset_s", "stage")
        stages = [
            (epoch, f"{self.first_s + self.epoch_s * epoch:.4f}", stage)
            for epoch, stage in enumerate(self.stages)
        ]
        if self.epoch_s != EPOCH_S:
            columns += ("duration_s",)
            stages = [(*row, self.epoch_s) for row in stages]
        if self.scored is not None:
            columns += ("scored",)
            stages = [(*row, scored) for row, scored in zip(stages, self.scored, strict=True)]
        write_csv(folder / f"{self.recording}.stages.csv", columns, stages)
        if self.subject:
            facts = {"subject": self.subject, "lanes": self.lanes, "no_nights": self.no_nights}
            write_text(folder / f"{self.recording}.json", json.dumps(facts, indent=1) + "\n")


def events_within(events, start_s, duration_s):
    """Return the events within a recording that starts at `start_s`, in its own seconds."""
    moved = [replace(event, onset_s=event.onset_s - start_s) for event in events]
    return [e for e in moved if e.onset_s >= 0 and e.onset_s + e.duration_s <= duration_s]
