"""Drawing a cohort into a corpus: what is drawn anew, workers, shards, state."""
