"""The cohorts whose recordings psgvlm knows, and the terms under which they may be shared.

Images, labels and trained models follow the terms of the recordings that they come from. Simulated
recordings follow the terms of the cohort that they imitate, because a corpus does not tell them
apart. A cohort that is not listed here is taken for the user's own recordings.
"""

from collections.abc import Iterable
from dataclasses import dataclass

NOTHING = ""  # the user has to state nothing
STATEMENTS = {
    "MASS": "you have signed the MASS agreement, and it allows this",
    "NSRR": "you have signed the NSRR data access and use agreement, and it allows this",
    "OWNERS": "you have asked the owners of the recordings, and they allow this",
    "CONSENT": "the people who were recorded have agreed to publication",
}


@dataclass(frozen=True)
class Cohort:
    """The terms of one cohort.

    Each of the three permissions names the statement (of `STATEMENTS`) that a user has to make
    before uploading. It is "" if no statement is needed, and `None` if no statement permits it.

    Attributes
    ----------
    name : str
        The name to show to readers.
    agreement : str or None
        The agreement that every user of the cohort has signed; `None` if there is none.
    terms : str
        The terms as a card states them after the cohort's name.
    private : str or None
        The permission for a private repository.
    public : str or None
        The permission for a public repository.
    public_labels : str or None
        The permission for a public repository that holds labels and no images.
    licence : str
        The name of the licence for a person; "" if there is none or it is not known.
    hub_licence : str or None
        The identifier that the Hub has for the licence, such as `"odc-by"`.
    source : str
        Where the recordings and their licence are published; "" for the user's own.
    """

    name: str
    agreement: str | None
    terms: str
    private: str | None
    public: str | None
    public_labels: str | None
    licence: str = ""
    hub_licence: str | None = None
    source: str = ""


_HUB_LICENCES = {
    "ODC-By 1.0": "odc-by",
    "CC BY 4.0": "cc-by-4.0",
    "CC0 1.0": "cc0-1.0",
    "CC BY-NC-ND 3.0": "cc-by-nc-nd-3.0",
}
_NSRR = "the data access and use agreement of the National Sleep Research Resource (NSRR)"


def _open(name: str, licence: str, source: str, note: str = "") -> Cohort:
    """Return the terms of recordings that anybody may use and share, with credit."""
    credit = "without conditions" if licence == "CC0 1.0" else "if its authors are credited"
    return Cohort(
        name=name,
        agreement=None,
        terms=f"under {licence}: it may be shared {credit}.{note and ' '}{note}",
        private=NOTHING,
        public=NOTHING,
        public_labels=NOTHING,
        licence=licence,
        hub_licence=_HUB_LICENCES[licence],
        source=source,
    )


def _unclear(name: str, source: str, note: str = "") -> Cohort:
    """Return the terms of recordings whose licence we do not know: their owners decide."""
    return Cohort(
        name=name,
        agreement=None,
        terms=f"its licence is not known to us: ask its owners before you share it.{note}",
        private=NOTHING,
        public="OWNERS",
        public_labels="OWNERS",
        source=source,
    )


def _nsrr(name: str, note: str = "non-commercial use only.") -> Cohort:
    """Return the terms of a cohort of NSRR: every user signs an agreement for each cohort."""
    return Cohort(
        name=name,
        agreement=f"{_NSRR} for {name}",
        terms=f"under the NSRR data access and use agreement, which each user signs; {note}",
        private="NSRR",
        public=None,
        public_labels=None,  # the NSRR agreement covers derived data, too
        licence="NSRR agreement",
        source="https://sleepdata.org/datasets",
    )


_SECOND_HAND = "The licence is second-hand: read it at the source before you share anything."

COHORTS = {
    "isruc": Cohort(
        name="ISRUC-Sleep",
        agreement=None,
        terms="described as open access; we have seen no licence text.",
        private=NOTHING,
        public=NOTHING,
        public_labels=NOTHING,
        source="https://sleeptight.isr.uc.pt",
    ),
    "mass": Cohort(
        name="MASS",
        agreement="the agreement of the Montreal Archive of Sleep Studies",
        terms="under an agreement that each user signs.",
        private="MASS",
        public=None,
        public_labels="MASS",  # MASS-EX is a precedent: it publishes labels without signals
        licence="MASS agreement",
        source="http://ceams-carsm.ca/mass",
    ),
    "shhs": _nsrr("SHHS"),
    "sleep-edf": _open(
        "Sleep-EDF Expanded",
        "ODC-By 1.0",
        "https://physionet.org/content/sleep-edfx/1.0.0/",
        "One catalogue (EEGDash) calls the licence ODbL.",
    ),
    "hmc": _open(
        "Haaglanden Medisch Centrum sleep staging database (HMC)",
        "CC BY 4.0",
        "https://physionet.org/content/hmc-sleep-staging/1.1/",
        _SECOND_HAND,
    ),
    "psg-ipa": _unclear("PSG-IPA", "https://physionet.org"),
    "cap": _open(
        "CAP Sleep Database",
        "ODC-By 1.0",
        "https://physionet.org/content/capslpdb/1.0.0/",
        _SECOND_HAND,
    ),
    "dreams": Cohort(
        name="DREAMS",
        agreement=None,
        terms=(
            "under CC BY-NC-ND 3.0 by its own page (its copy on Zenodo says CC BY-NC-SA 4.0): "
            "nothing that is made of it, such as an image, may be shared."
        ),
        private=NOTHING,
        public=None,
        public_labels=None,
        licence="CC BY-NC-ND 3.0",
        source="https://zenodo.org/records/2650142",
    ),
    "ucddb": _open("UCDDB", "ODC-By 1.0", "https://physionet.org/content/ucddb/1.0.1/"),
    "dod": _unclear("Dreem Open Datasets (DOD-H, DOD-O)", "https://zenodo.org/records/15900394"),
    "dcsm": _unclear(
        "DCSM",
        "https://erda.ku.dk/public/archives/db553715ecbe1f3ac66c1dc569826eef",
    ),
    "boas": _open(
        "Bitbrain Open Access Sleep (BOAS)", "CC0 1.0", "https://openneuro.org/datasets/ds005555"
    ),
    "anphy": _unclear("ANPHY-Sleep", "https://osf.io/r26fh"),
    "cinc2018": _open(
        "PhysioNet/CinC Challenge 2018",
        "ODC-By 1.0",
        "https://physionet.org/content/challenge-2018/1.0.0/",
        _SECOND_HAND,
    ),
    "slpdb": _open(
        "MIT-BIH Polysomnographic Database (slpdb)",
        "ODC-By 1.0",
        "https://physionet.org/content/slpdb/1.0.0/",
        _SECOND_HAND,
    ),
    "hsp": _unclear("Human Sleep Project (HSP)", "https://bdsp.io/content/hsp"),
    "mesa": _nsrr("MESA"),
    "mros": _nsrr("MrOS"),
    "cfs": _nsrr("CFS"),
    "chat": _nsrr("CHAT"),
    "ccshs": _nsrr("CCSHS"),
    "sof": _nsrr("SOF"),
    "abc": _nsrr("ABC"),
    "homepap": _nsrr("HomePAP"),
    "wsc": _nsrr("WSC", "academic use only."),
    "nchsdb": _nsrr("NCHSDB"),
    "apples": _nsrr("APPLES"),
    "stages": _nsrr("STAGES", "commercial use is allowed."),
    "mnc": _nsrr("MNC"),
    "msp": _nsrr("MSP"),
    "apoe": _nsrr("APOE"),
    "nsrr": _nsrr("another data set of NSRR"),
}
_OWN = Cohort("", None, "", private=NOTHING, public="CONSENT", public_labels="CONSENT")


def terms_of(cohort: str) -> Cohort:
    """Return the terms of a cohort, in upper or lower case; those of own recordings by default."""
    return COHORTS.get(cohort.lower(), _OWN)


def is_open(cohort: str) -> bool:
    """Return whether a card, which everybody can read, may show images of a cohort."""
    return terms_of(cohort).public == NOTHING


def hub_licences(cohorts: Iterable[str]) -> list[str]:
    """Return the Hub's identifiers of the licences of cohorts, each once, sorted.

    The list is empty if the licence of one cohort has no identifier, or does not let others share
    what is made of its recordings: then only the card can say what may be done.
    """
    terms = [terms_of(cohort) for cohort in cohorts]
    if not all(cohort.hub_licence and cohort.public == NOTHING for cohort in terms):
        return []
    return sorted({cohort.hub_licence for cohort in terms if cohort.hub_licence})


def under_agreement(cohorts: Iterable[str]) -> list[Cohort]:
    """Return those cohorts whose users have signed an agreement."""
    return [terms for terms in map(terms_of, cohorts) if terms.agreement]


def needs_approval(cohorts: Iterable[str]) -> bool:
    """Return whether each reader of a repository has to be approved by hand."""
    return any(terms_of(cohort).public is None for cohort in cohorts)


def access_form(cohorts: Iterable[str], content: str) -> dict:
    """Return the part of a card's YAML that defines the form by which readers ask for access.

    Parameters
    ----------
    cohorts : iterable of str
        The cohorts whose recordings the repository is made from.
    content : str
        The beginning of the form's first sentence, up to the cohorts' names.

    Returns
    -------
    dict
        Empty if no cohort is under an agreement. The YAML only defines the form; the repository's
        setting `gated` on the Hub switches it on.
    """
    if not (bound := under_agreement(cohorts)):
        return {}
    names = " and ".join(cohort.name for cohort in bound)
    return {
        "extra_gated_prompt": (
            f"{content} {names}. These cohorts come under agreements that you have to sign "
            "yourself. Unless yours says otherwise, the agreements allow non-commercial research "
            "only, forbid passing the data on, and forbid trying to identify the people who were "
            "recorded."
        ),
        "extra_gated_fields": {
            "Name": "text",
            "Institution": "text",
            "Purpose": "text",
            **{f"I have signed {cohort.agreement}": "checkbox" for cohort in bound},
            "I will not pass it on, and I will not try to identify anyone": "checkbox",
        },
    }
