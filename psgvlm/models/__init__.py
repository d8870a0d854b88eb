"""Vision-language models: loading, probabilities of the five stages, calibration."""
