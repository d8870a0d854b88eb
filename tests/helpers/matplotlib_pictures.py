"""The same images drawn by matplotlib, slowly, to compare `psgvlm.images.raster` with them."""

from collections.abc import Iterable, Iterator

import numpy as np

from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.signals.traces import Trace


def draw_reference(
    traces: list[Trace | None], spec: ImageSpec, onsets_s: Iterable[float], supersample: int = 1
) -> Iterator[np.ndarray]:
    """Draw epochs as `raster.draw` does, but yield uint8 RGB of shape (height, width, 3).

    With `supersample` an image is drawn that many times larger and then averaged, which is more
    accurate than what any library draws at the size itself.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    width, height = spec.size
    row_s = spec.shown_s / spec.fold
    colours = raster.palette(spec)
    for onset_s, lines in raster.lay_out(traces, spec, onsets_s):
        # A point is 1/72 inch, so it is a pixel at 72 dpi.
        figure = Figure((width / 72, height / 72), dpi=72 * supersample)
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        ground = raster.ground(spec)
        if spec.spectrogram:
            raster.add_spectrogram(traces, spec, onset_s, ground)
        picture = raster.to_rgb(ground, spec)
        axes.imshow(picture, extent=(0, width, height, 0), aspect="auto", interpolation="nearest")
        axes.set(xlim=(0, width), ylim=(height, 0))
        for line in lines:
            samples, rate_hz = line.trace.samples_uv, line.trace.rate_hz
            first = max(0, int((line.start_s - 1) * rate_hz))
            shown = samples[first : max(0, int((line.start_s + row_s + 1) * rate_hz) + 1)]
            seconds = (first + np.arange(len(shown))) / rate_hz - line.start_s
            (curve,) = axes.plot(
                seconds * width / row_s,
                line.middle - (np.where(np.isfinite(shown), shown, np.nan) - line.centre_uv)
                * line.px_per_uv,
                color=colours[line.ink + raster.LEVELS - 1] / 255,
                linewidth=spec.line_px,
                solid_joinstyle="round",
                solid_capstyle="round",
            )  # fmt: skip
            box = Rectangle((0, line.top), width, line.bottom - line.top, transform=axes.transData)
            curve.set_clip_path(box)
        with rc_context({"path.simplify": False}):
            canvas.draw()
        drawn = np.asarray(canvas.buffer_rgba())[..., :3].astype(np.float32)
        blocks = drawn.reshape(height, supersample, width, supersample, 3)
        yield blocks.mean((1, 3)).round().astype(np.uint8)
