"""The known faults of each cohort and the papers to cite; `psgvlm.hub.cohorts` has the terms.

`nsrr_sources` has the cohorts of the National Sleep Research Resource.
"""

from dataclasses import dataclass

PAPER = (
    "Introducing Multimodal Paradigm for Learning Sleep Staging PSG via General-Purpose Model. "
    "[arXiv:2509.22810](https://arxiv.org/abs/2509.22810), 2025. The paper had the idea of "
    "waveform images that a general-purpose model reads; its authors did not make this corpus."
)


PHYSIONET = (
    "Goldberger AL, Amaral LAN, Glass L, et al. PhysioBank, PhysioToolkit, and PhysioNet: "
    "components of a new research resource for complex physiologic signals. Circulation "
    "2000;101:e215-e220. [doi:10.1161/01.CIR.101.23.e215]"
    "(https://doi.org/10.1161/01.CIR.101.23.e215)"
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
    "sleep-edf": Source(
        (
            "There is no mastoid: the EEG is Fpz-Cz and Pz-Oz. Both stand in for other derivations "
            "and are named as substitutes. The one EOG is left against right and fills one lane.",
            "The chin EMG of the cassette recordings is an envelope at 1 Hz, which cannot be drawn "
            "as an EMG; that lane is empty.",
            "Scored by Rechtschaffen and Kales. The cassette recordings run for 20 to 24 hours; it "
            "is customary to keep 30 minutes of wake before and after the sleep.",
        ),
        (
            "Kemp B, Zwinderman AH, Tuk B, Kamphuisen HAC, Oberyé JJL. Analysis of a "
            "sleep-dependent neuronal feedback loop: the slow-wave microcontinuity of the EEG. "
            "IEEE Trans Biomed Eng 2000;47:1185-1194. "
            "[doi:10.1109/10.867928](https://doi.org/10.1109/10.867928)",
            "Sleep-EDF Expanded, [doi:10.13026/C2X676](https://doi.org/10.13026/C2X676)",
            PHYSIONET,
        ),
    ),
    "hmc": Source(
        ("Both EOGs are recorded against M2. The numbers of the recordings have gaps.",),
        (
            "Alvarez-Estevez D, Rijsman RM. Inter-database validation of a deep learning approach "
            "for automatic sleep scoring. PLoS ONE 2021;16:e0256111. "
            "[doi:10.1371/journal.pone.0256111](https://doi.org/10.1371/journal.pone.0256111)",
            PHYSIONET,
        ),
    ),
    "psg-ipa": Source(("Several scorers scored each night.",), (PHYSIONET,)),
    "cap": Source(
        (
            "Scored by Rechtschaffen and Kales. The scores do not begin or end with the recording; "
            "they are placed by the clock.",
            "Derivations and labels differ between recordings. Many have chains of electrodes such "
            "as F4-C4, which fill no lane.",
        ),
        (
            "Terzano MG, Parrino L, Sherieri A, et al. Atlas, rules, and recording techniques for "
            "the scoring of cyclic alternating pattern (CAP) in human sleep. Sleep Med "
            "2001;2:537-553. [doi:10.1016/S1389-9457(01)00149-6]"
            "(https://doi.org/10.1016/S1389-9457%2801%2900149-6)",
            PHYSIONET,
        ),
    ),
    "dreams": Source(
        (
            "Scored every 5 s; an epoch has the stage that holds for most of its seconds.",
            "There is no C4: the EEG is Cz-A1.",
            "The excerpts may be cut from the whole nights. Their people count as other subjects.",
        ),
        (
            "Devuyst S. The DREAMS databases and assessment algorithm. Zenodo, 2005. "
            "[doi:10.5281/zenodo.2650142](https://doi.org/10.5281/zenodo.2650142)",
        ),
    ),
    "ucddb": Source(
        (
            "Scored by Rechtschaffen and Kales. Codes 6 (artefact), 7 (indeterminate) and 8 (which "
            "is not documented) are unscored.",
        ),
        (
            "St. Vincent's University Hospital / University College Dublin Sleep Apnea Database, "
            "[doi:10.13026/C26C7D](https://doi.org/10.13026/C26C7D)",
            PHYSIONET,
        ),
    ),
    "dod": Source(
        (
            "The stage is the consensus of five scorers: the majority, and at a tie the scorer who "
            "agrees best with the others.",
            "DOD-H has neither C4-M1 nor O2-M1. It is not documented which eye EOG1 is.",
        ),
        (
            "Guillot A, Sauvet F, During EH, Thorey V. Dreem Open Datasets: multi-scored sleep "
            "datasets to compare human and automated sleep staging. IEEE Trans Neural Syst Rehabil "
            "Eng 2020;28:1955-1965. "
            "[doi:10.1109/TNSRE.2020.3011181](https://doi.org/10.1109/TNSRE.2020.3011181)",
        ),
    ),
    "dcsm": Source(
        ("The EEG was filtered from 0.3 to 70 Hz before it was published.",),
        (
            "Perslev M, Darkner S, Kempfner L, Nikolic M, Jennum PJ, Igel C. U-Sleep: resilient "
            "high-frequency sleep staging. npj Digit Med 2021;4:72. "
            "[doi:10.1038/s41746-021-00440-5](https://doi.org/10.1038/s41746-021-00440-5)",
        ),
    ),
    "boas": Source(
        (
            "A person may have several nights; they are one subject.",
            "The stage is the consensus of people. Nobody scored the recordings of the headband.",
            "The reference of the EEG is not in the labels.",
        ),
        (
            "Bitbrain Open Access Sleep dataset, OpenNeuro ds005555. "
            "[openneuro.org/datasets/ds005555](https://openneuro.org/datasets/ds005555)",
        ),
    ),
    "anphy": Source(
        (
            "There is no mastoid among the electrodes; TP9 and TP10 lie nearest.",
            "It is not documented which eye EOG1 is.",
        ),
        (
            "Wei X, Avigdor T, Ho A, et al. ANPHY-Sleep: an open sleep database from healthy "
            "adults using high-density scalp electroencephalogram. Sci Data 2024;11:896. "
            "[doi:10.1038/s41597-024-03722-1](https://doi.org/10.1038/s41597-024-03722-1)",
        ),
    ),
    "cinc2018": Source(
        ("There is one EOG, E1-M2. Only the recordings of the training set have stages.",),
        (
            "Ghassemi MM, Moody BE, Lehman LH, et al. You snooze, you win: the "
            "PhysioNet/Computing in Cardiology Challenge 2018. Comput Cardiol 2018;45. "
            "[doi:10.22489/CinC.2018.049](https://doi.org/10.22489/CinC.2018.049)",
            PHYSIONET,
        ),
    ),
    "slpdb": Source(
        ("There is one EEG, in some recordings C3-O1. Scored by Rechtschaffen and Kales.",),
        (
            "Ichimaru Y, Moody GB. Development of the polysomnographic database on CD-ROM. "
            "Psychiatry Clin Neurosci 1999;53:175-177. [doi:10.1046/j.1440-1819.1999.00527.x]"
            "(https://doi.org/10.1046/j.1440-1819.1999.00527.x)",
            PHYSIONET,
        ),
    ),
    "hsp": Source(
        (),
        ("Human Sleep Project, [bdsp.io/content/hsp](https://bdsp.io/content/hsp)",),
    ),
}
