"""The known faults and papers of the cohorts of the National Sleep Research Resource (NSRR)."""

from psgvlm.dataset_card.sources import Source

NSRR = (
    "Zhang GQ, Cui L, Mueller R, et al. The National Sleep Research Resource: towards a "
    "sleep data commons. J Am Med Inform Assoc 2018;25:1351-1358. "
    "[doi:10.1093/jamia/ocy064](https://doi.org/10.1093/jamia/ocy064)"
)
_VISITS = "All visits of a person are one subject and in one split."


def _source(faults: tuple[str, ...], paper: str | None = None, doi: str | None = None) -> Source:
    """Return the source of a cohort; the paper of NSRR is always cited, too."""
    link = f" [doi:{doi}](https://doi.org/{doi})" if doi else ""
    return Source(faults, (*([f"{paper}{link}"] if paper else []), NSRR))


SOURCES = {
    "shhs": _source(
        (
            "Scored by Rechtschaffen and Kales. Stages 3 and 4 are N3 here, and movement time is "
            "unscored.",
            "There are only two EEG derivations, C4-A1 (`EEG`) and C3-A2 (`EEG(sec)`). The EOGs "
            "are recorded against a ground at 50 or 64 Hz, so that fast eye movements look rounder "
            "than in other cohorts.",
            "Both visits of a person are one subject and in one split.",
        ),
        "Quan SF, Howard BV, Iber C, et al. The Sleep Heart Health Study: design, rationale, "
        "and methods. Sleep 1997;20:1077-1085.",
        "10.1093/sleep/20.12.1077",
    ),
    "mesa": _source(
        (
            "The three EEGs are Fz-Cz (`EEG1`), Cz-Oz (`EEG2`) and C4-M1 (`EEG3`). The EOGs are "
            "recorded against Fpz.",
        ),
        "Chen X, Wang R, Zee P, et al. Racial/ethnic differences in sleep disturbances: the "
        "Multi-Ethnic Study of Atherosclerosis (MESA). Sleep 2015;38:877-888.",
        "10.5665/sleep.4732",
    ),
    "mros": _source(
        (
            _VISITS,
            "The stages of eight recordings of visit 1 are known to be wrong: aa2033, aa3905, "
            "aa4225, aa4398, aa4928, aa5622, aa5660 and aa5781.",
        ),
        "Blackwell T, Yaffe K, Ancoli-Israel S, et al. Associations between sleep architecture and "
        "sleep-disordered breathing and cognition in older community-dwelling men: the "
        "Osteoporotic Fractures in Men Sleep Study. J Am Geriatr Soc 2011;59:2217-2225.",
        "10.1111/j.1532-5415.2011.03731.x",
    ),
    "cfs": _source(
        (
            "The people come from families. Unless a table of the families was given, relatives "
            "may be in different splits.",
        ),
        "Redline S, Tishler PV, Tosteson TD, et al. The familial aggregation of obstructive sleep "
        "apnea. Am J Respir Crit Care Med 1995;151:682-687.",
        "10.1164/ajrccm/151.3_Pt_1.682",
    ),
    "chat": _source(
        ("Recordings of children.", _VISITS),
        "Marcus CL, Moore RH, Rosen CL, et al. A randomized trial of adenotonsillectomy for "
        "childhood sleep apnea. N Engl J Med 2013;368:2366-2376.",
        "10.1056/NEJMoa1215881",
    ),
    "ccshs": _source(
        (),
        "Rosen CL, Larkin EK, Kirchner HL, et al. Prevalence and risk factors for "
        "sleep-disordered breathing in 8- to 11-year-old children: association with race and "
        "prematurity. J Pediatr 2003;142:383-389.",
        "10.1067/mpd.2003.28",
    ),
    "sof": _source(
        (),
        "Spira AP, Blackwell T, Stone KL, et al. Sleep-disordered breathing and cognition in older "
        "women. J Am Geriatr Soc 2008;56:45-50.",
        "10.1111/j.1532-5415.2007.01506.x",
    ),
    "abc": _source(
        (_VISITS,),
        "Bakker JP, Tavakkoli A, Rueschman M, et al. Gastric banding surgery versus continuous "
        "positive airway pressure for obstructive sleep apnea: a randomized controlled trial. Am J "
        "Respir Crit Care Med 2018;197:1080-1083.",
        "10.1164/rccm.201708-1637LE",
    ),
    "homepap": _source(
        ("Montages and labels differ between sites. The studies at home have no EEG.",),
        "Rosen CL, Auckley D, Benca R, et al. A multisite randomized trial of portable sleep "
        "studies and positive airway pressure autotitration versus laboratory-based "
        "polysomnography for the diagnosis and treatment of obstructive sleep apnea: the HomePAP "
        "study. Sleep 2012;35:757-767.",
        "10.5665/sleep.1870",
    ),
    "wsc": _source(
        (_VISITS, "The scores of some recordings begin late and have holes."),
        "Young T, Palta M, Dempsey J, Peppard PE, Nieto FJ, Hla KM. Burden of sleep apnea: "
        "rationale, design, and major findings of the Wisconsin Sleep Cohort study. WMJ "
        "2009;108:246-249.",
    ),
    "nchsdb": _source(
        ("Recordings of children.", "All studies of a person are one subject and in one split."),
        "Lee H, Li B, DeForte S, et al. A large collection of real-world pediatric sleep studies. "
        "Sci Data 2022;9:421.",
        "10.1038/s41597-022-01545-6",
    ),
    "apples": _source(
        ("Scored by Rechtschaffen and Kales; stages 3 and 4 are one stage in the files.",),
        "Quan SF, Chan CS, Dement WC, et al. The association between obstructive sleep apnea and "
        "neurocognitive performance: the Apnea Positive Pressure Long-term Efficacy Study "
        "(APPLES). Sleep 2011;34:303-314.",
        "10.1093/sleep/34.3.303",
    ),
    "stages": _source(("Labels and scores differ between the sites.",)),
    "mnc": _source(
        (),
        "Stephansen JB, Olesen AN, Olsen M, et al. Neural network analysis of sleep stages enables "
        "efficient diagnosis of narcolepsy. Nat Commun 2018;9:5229.",
        "10.1038/s41467-018-07229-3",
    ),
    "msp": _source(()),
    "apoe": _source(()),
    # A set of NSRR whose recordings have no name that psgvlm knows.
    "nsrr": _source(("Its papers are on its page at NSRR.",)),
}
