"""Images of epochs: drawing them, PNG, the places of lanes, augmentation, and what images keep."""

__all__ = ["augment", "fidelity", "geometry", "image_tokens", "pixels", "png", "raster"]
