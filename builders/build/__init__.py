"""Drawing a cohort into a corpus: what has to be drawn, worker processes, shards and the state."""
