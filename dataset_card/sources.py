"""The known faults of each cohort and the papers to cite; `psgvlm.hub.cohorts` has the terms."""

from dataclasses import dataclass

PAPER = (
    "Introducing Multimodal Paradigm for Learning Sleep Staging PSG via General-Purpose Model. "
    "[arXiv:2509.22810](https://arxiv.org/abs/2509.22810), 2025. The paper had the idea of "
    "waveform images that a general-purpose model reads; its authors did not make this corpus."
)


@dataclass(frozen=True)
class Source:
    """The known faults of a cohort and the papers to cite, as a card lists them."""

    faults: tuple[str, ...]
    citations: tuple[str, ...]


SOURCES = {
    "isruc": Source(
        (
            "The TXT scores have wake for epochs that nobody scored. If there is an XLSX file, it "
            "says which epochs these are; without it they stay wake.",
            "Subject I-8 has no F3 and F4, so these lanes are empty. I-40 is stored unreferenced; "
            "A1 and A2 were subtracted. I-6 and I-54 have no REM sleep.",
            "Signals and scores can differ in length. Both are cut to the shorter one.",
        ),
        (
            "Khalighi S, Sousa T, Santos JM, Nunes U. ISRUC-Sleep: a comprehensive public dataset "
            "for sleep researchers. Comput Methods Programs Biomed 2016;124:180-192. "
            "[doi:10.1016/j.cmpb.2015.10.013](https://doi.org/10.1016/j.cmpb.2015.10.013)",
        ),
    ),
    "mass": Source(
        (
            "SS2, SS4 and SS5 were scored by Rechtschaffen and Kales in epochs of 20 s, SS1 and "
            "SS3 by the AASM in epochs of 30 s. Epochs of 20 s are extended by 5 s on both sides, "
            "so that adjacent epochs overlap, or they are left out.",
            "The first epoch does not begin with the recording, the sampling rate is near 256 Hz "
            "and no integer, and durations are inexact. Each epoch is cut at its own onset, at the "
            "true rate.",
            "The reference differs between recordings (CLE, LER). SS4 has no F3 and F4, so these "
            "lanes are empty.",
        ),
        (
            "O'Reilly C, Gosselin N, Carrier J, Nielsen T. Montreal Archive of Sleep Studies: an "
            "open-access resource for instrument benchmarking and exploratory research. J Sleep "
            "Res 2014;23:628-635. [doi:10.1111/jsr.12169](https://doi.org/10.1111/jsr.12169)",
        ),
    ),
    "shhs": Source(
        (
            "Scored by Rechtschaffen and Kales. Stages 3 and 4 are N3 here, and movement time is "
            "unscored.",
            "There are only two EEG derivations, C4-A1 (`EEG`) and C3-A2 (`EEG(sec)`). The EOGs "
            "are recorded against a ground at 50 or 64 Hz, so that fast eye movements look rounder "
            "than in other cohorts.",
            "Both visits of a person are one subject and in one split.",
        ),
        (
            "Quan SF, Howard BV, Iber C, et al. The Sleep Heart Health Study: design, rationale, "
            "and methods. Sleep 1997;20:1077-1085. "
            "[doi:10.1093/sleep/20.12.1077](https://doi.org/10.1093/sleep/20.12.1077)",
            "Zhang GQ, Cui L, Mueller R, et al. The National Sleep Research Resource: towards a "
            "sleep data commons. J Am Med Inform Assoc 2018;25:1351-1358. "
            "[doi:10.1093/jamia/ocy064](https://doi.org/10.1093/jamia/ocy064)",
        ),
    ),
}
