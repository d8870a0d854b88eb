"""What is done to a signal: filters, flat and clipped stretches, sleep waves, damage for
benchmarks."""
