"""Training: options, the order of the data, which parts are trained, the trainer, its record."""
