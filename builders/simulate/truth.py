"""The truth of a simulated recording: its stages and waveforms, written beside the cohort."""

from dataclasses import dataclass, replace

from psgvlm.builders.simulate.files import write_csv
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
    """

    recording: str
    stages: tuple[str, ...]
    events: list
    first_s: float = 0.0
    epoch_s: int = EPOCH_S

    def write(self, folder):
        """Write `<recording>.csv` with the waveforms and `<recording>.stages.csv`.

        The stages have a column `duration_s` if epochs do not last 30 s.
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
        write_csv(folder / f"{self.recording}.stages.csv", columns, stages)


def events_within(events, start_s, duration_s):
    """Return the events within a recording that starts at `start_s`, in its own seconds."""
    moved = [replace(event, onset_s=event.onset_s - start_s) for event in events]
    return [e for e in moved if e.onset_s >= 0 and e.onset_s + e.duration_s <= duration_s]
