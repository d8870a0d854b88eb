"""What a model that looks is held against: other ways to stage the same nights.

Every baseline has a `name` and two methods. `fit(train, validation)` takes lists of
`psgvlm.baselines.night.Night` and returns the baseline itself, `probabilities(night)` a float64
array of shape (n_epochs, 5): W, N1, N2, N3, R, one row for each of the night's rows, in their
order, summing to 1. The same nights, seed and number of threads give the same numbers.

Those that read the signal need nights whose recording is open (`builders.raw_nights`); it may be
damaged, as long as it answers as `psgvlm.recording.Recording` does.
"""
