"""Simulated CHAT of NSRR: children, electrodes against Fpz, three chin electrodes."""

from psgvlm.builders.simulate.edf import SimulatedChannel
from psgvlm.builders.simulate.nsrr import NsrrVariant, write

__all__ = ["VARIANTS", "usual", "write"]

RATE_HZ = 200
ELECTRODES = ("F3", "F4", "C3", "C4", "T3", "T4", "O1", "O2", "M1", "M2", "E1", "E2")


def _recording(number, group="baseline", chins=("Lchin", "Cchin", "Rchin")):
    left, middle, right = chins
    channels = [SimulatedChannel(e, f"{e}-Fpz", RATE_HZ) for e in ELECTRODES]
    channels += [
        SimulatedChannel(c, f"chin{n}", RATE_HZ) for c, n in zip(chins, "132", strict=True)
    ]
    channels.append(SimulatedChannel("SpO2", "saturation", 1, "%", 100))
    kind = "baseline-nonrandomized" if group == "nonrandomized" else group
    return NsrrVariant(
        f"chat-{kind}-{number}",
        str(number),
        tuple(channels),
        {
            "C4-M1": "C4 - M1",
            "E1": "E1 - M2",
            "E2": ("E2 - M1", "E2 - M2"),
            "chin": (f"{left} - {middle}", f"{right} - {middle}", f"{left} - {right}"),
        },
        group,
    )


VARIANTS = (
    _recording(300001),
    _recording(300001, "followup"),
    _recording(300004, "nonrandomized", ("LCHIN", "CCHIN", "RCHIN")),
)


def usual(index):
    """Return the recording at an index of a plain cohort: the first visit."""
    return _recording(300001 + index)
