"""The baselines by name: what each one is, what it needs, and whether it is fitted."""

NETWORKS = ("chambon2018", "usleep", "cbramod-from-scratch")
READ_SIGNALS = ("yasa", *NETWORKS)  # these need the raw recordings
OF_A_MODEL = ("vision-only", "zero-shot")  # these are made once for each model
FLOORS = ("majority", "transitions")  # these look at neither pictures nor signals
NAMES = ("majority", "transitions", "yasa", *NETWORKS, *OF_A_MODEL)
FITTED = tuple(name for name in NAMES if name not in ("yasa", "zero-shot"))
DESCRIPTIONS = {
    "majority": "the shares of the stages in the train split, so always the commonest stage",
    "transitions": "a Markov chain of the train split's stages; it sees no picture and no signal",
    "yasa": "yasa's stager, trained by its authors on nights of the NSRR; it reads the signals",
    "chambon2018": "SleepStagerChambon2018, trained here on the signals of the same lanes",
    "usleep": "U-Sleep's architecture, trained here on the signals of the same lanes",
    "cbramod-from-scratch": "CBraMod's architecture, trained here on the signals of the same lanes",
    "vision-only": "a linear probe, fitted here on the output of the model's vision tower",
    "zero-shot": "the base model without the adapter, with the same pictures and question",
}
