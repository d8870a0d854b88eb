"""Publishing a corpus: push to the Hub, labels without images."""
