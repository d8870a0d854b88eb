"""What was simulated, kept beside the cohort: stages and events in seconds of the record."""

from dataclasses import dataclass, replace

from psgvlm.builders.simulate.files import write_csv
from psgvlm.builders.simulate.hypnogram import EPOCH_S

EVENT_COLUMNS = ("kind", "channel", "onset_s", "duration_s", "amplitude_uv")


@dataclass(frozen=True)
class Truth:
    """One recording's truth on the clock of its record.

    stages: one per epoch of the raw scores, the first of which starts at `first_s` and each of
    which lasts `epoch_s`. events: those wholly inside the record.
    """

    recording: str
    stages: tuple[str, ...]
    events: list
    first_s: float = 0.0
    epoch_s: int = EPOCH_S

    def write(self, folder):
        """`<recording>.csv` of events and `<recording>.stages.csv`.

        The latter says how long epochs last where that is not 30 s.
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
    """The events wholly inside a record that starts at `start_s` of the night, on its clock."""
    moved = [replace(event, onset_s=event.onset_s - start_s) for event in events]
    return [e for e in moved if e.onset_s >= 0 and e.onset_s + e.duration_s <= duration_s]
