"""What is on the page, from top to bottom."""

from html import escape
from pathlib import Path

import gradio as gr

from psgvlm.image_spec import ImageSpec
from psgvlm.montages import MODALITY
from psgvlm.stages import STAGES

HERE = Path(__file__).parent
CSS = (HERE / "page.css").read_text("utf-8")
JS = (HERE / "page.js").read_text("utf-8")
TITLE = "Sleep staging by looking"
INTRODUCTION = """<h1>{title}</h1>
<p>A vision-language model looks at each 30-s epoch of a night and stages it. Upload a recording,
check its lanes, see what decided each stage, correct what is wrong, and download the
hypnogram.</p>
<p class="small">Model: {model}. While this page is open, your recording is stored in a temporary
folder of the computer that serves the page; nothing of it is logged or sent elsewhere. For
research; this is not a medical device.</p>"""


class Layout:
    """The components of the page, in `blocks`: the recording, its lanes, the night, the files."""

    def __init__(self, spec: ImageSpec, model: str, max_mb: int, example: bool):
        with gr.Blocks(title=TITLE, analytics_enabled=False) as self.blocks:
            gr.HTML(INTRODUCTION.format(title=TITLE, model=escape(model)), elem_id="top")
            self._recording(max_mb, example)
            with gr.Column(visible=False) as self.lanes_part:
                self._lanes(spec)
            with gr.Column(visible=False) as self.night_part:
                self._night(spec)

    def _recording(self, max_mb: int, example: bool) -> None:
        _heading(1, "Recording")
        with gr.Row(equal_height=True):
            self.file = gr.File(
                label=f"EDF or EDF+, up to {max_mb} MB", height=150, scale=3, elem_id="recording"
            )
            with gr.Column(scale=1, min_width=220, visible=example):
                self.example = gr.Button("Simulated example", elem_id="example")
                gr.HTML(
                    '<p class="small">No recording at hand? Try some hours of a simulated '
                    "sleeper.</p>"
                )
        or_example = ", or take the simulated example" if example else ""
        self.status = gr.HTML(
            status(f"To begin, upload a recording{or_example}."), elem_id="status"
        )

    def _lanes(self, spec: ImageSpec) -> None:
        _heading(2, "Lanes")
        self.facts = gr.HTML()
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                gr.HTML(
                    '<p class="small">The signal that fills each lane of the picture. If one is '
                    "wrong, choose another, or write a difference of two: "
                    "<code>EMG1 - EMG2</code>.</p>"
                )
                self.lanes = {
                    name: gr.Dropdown(
                        label=f"{name} ({MODALITY[name]})",
                        choices=[],
                        allow_custom_value=True,
                        elem_id=f"lane-{name}",
                    )
                    for name in spec.lanes
                }
            with gr.Column(scale=2, min_width=_least_width_px(spec)):
                gr.HTML(
                    '<p class="small">An epoch from the middle of the recording, as the model '
                    "sees it:</p>"
                )
                self.preview = gr.HTML(elem_id="preview")
        self.stage = gr.Button("Stage", variant="primary", elem_id="stage")

    def _night(self, spec: ImageSpec) -> None:
        _heading(3, "Night")
        self.night = gr.HTML(
            html_template='<div style="--at:${at}">${value}</div>',
            js_on_load=JS,
            at=0,
            elem_id="night",
        )
        self.statistics = gr.HTML(elem_id="statistics")
        with gr.Row():
            self.back = gr.Button("◀", min_width=44, scale=0, elem_id="back")
            self.slider = gr.Slider(1, 2, 1, step=1, label="Epoch", scale=4, min_width=180)
            self.forward = gr.Button("▶", min_width=44, scale=0, elem_id="forward")
            self.next_for_review = gr.Button(
                "Next for review", min_width=150, scale=1, elem_id="next-for-review"
            )
        with gr.Row():
            with gr.Column(scale=3, min_width=_least_width_px(spec)):
                self.epoch = gr.HTML(elem_id="epoch")
            with gr.Column(scale=2, min_width=280):
                self.probabilities = gr.HTML(elem_id="probabilities")
                gr.HTML('<p class="small">Set the stage by hand:</p>')
                with gr.Row(elem_classes="stages"):
                    self.buttons = {
                        stage: gr.Button(stage, elem_id=f"stage-{stage}", min_width=48)
                        for stage in STAGES
                    }
                self.reasons = gr.HTML(elem_id="reasons")
        _heading(4, "Download")
        self.files = gr.HTML(elem_id="files")


def _heading(number: int, text: str) -> None:
    gr.HTML(f"<h2><b>{number}</b>{text}</h2>", elem_classes="heading")


def _least_width_px(spec: ImageSpec) -> int:
    """Return the least width for an epoch's picture, wide enough to see its waves."""
    return min(spec.width, 740)


def status(text: str, kind: str = "") -> str:
    """Return the status line as HTML; `kind` is "done", "error" or empty."""
    return f'<div class="status {kind}" role="status">{escape(text)}</div>'
