"""Pictures of epochs: the rasteriser, PNG, where a lane lies, and what a picture keeps and
costs."""
