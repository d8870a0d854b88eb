"""A night: a recording cut into epochs, filtered and drawn, with its neighbouring epochs as
context."""
