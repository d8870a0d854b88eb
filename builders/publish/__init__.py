"""Publishing a corpus on the Hub, with its images or as labels alone."""
