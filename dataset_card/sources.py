"""Known faults of each cohort's recordings, and whom to cite. The terms: `psgvlm.hub.cohorts`."""

from dataclasses import dataclass

PAPER = (
    "Introducing Multimodal Paradigm for Learning Sleep Staging PSG via General-Purpose Model. "
    "[arXiv:2509.22810](https://arxiv.org/abs/2509.22810), 2025. The idea of waveform images read "
    "by a general-purpose model; this corpus is not theirs."
)


@dataclass(frozen=True)
class Source:
    """What a card says about a cohort beside its name and its terms."""

    faults: tuple[str, ...]
    citations: tuple[str, ...]


SOURCES = {
    "isruc": Source(
        (
            "The TXT scores write epochs that nobody scored as wake. The XLSX, where there is one, "
            "is the mask; without it such epochs stay wake.",
            "Subject I-8 has no F3 and F4, so lanes of these are empty; I-40 is stored "
            "unreferenced, and A1 and A2 are subtracted here. I-6 and I-54 hold no REM.",
            "Signals and scores can differ in length: both are cut to the shorter.",
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
            "SS3 by the AASM in 30 s. The former are extended by 5 s on both sides, so neighbours "
            "overlap, or left out.",
            "The first epoch does not begin with the record, the rate is near 256 Hz but no "
            "integer, and durations are inexact: epochs are cut by their own onset at the true "
            "rate.",
            "The reference differs (CLE, LER), and SS4 has no F3 and F4: such lanes are empty.",
        ),
        (
            "O'Reilly C, Gosselin N, Carrier J, Nielsen T. Montreal Archive of Sleep Studies: an "
            "open-access resource for instrument benchmarking and exploratory research. J Sleep "
            "Res 2014;23:628-635. [doi:10.1111/jsr.12169](https://doi.org/10.1111/jsr.12169)",
        ),
    ),
    "shhs": Source(
        (
            "Scored by Rechtschaffen and Kales: stages 3 and 4 are N3 here, movement time is "
            "unscored.",
            "Two EEG derivations only, C4-A1 (`EEG`) and C3-A2 (`EEG(sec)`), and the EOGs against "
            "a ground at 50 or 64 Hz: fast eye movements are rounder than elsewhere.",
            "Both visits of a person are one subject, and never in two splits.",
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
