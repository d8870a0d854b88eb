"""Sleep staging by looking: polysomnography drawn as images and read by a vision-language model."""

import os

# GNU OpenMP reads this once, when torch is imported; without it its threads spin between the many
# small operations of a training step, and ten steps on two cores take 13-46 s instead of 1.5 s.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
