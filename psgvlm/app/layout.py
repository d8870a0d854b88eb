"""What stands on the page, from the top."""

from html import escape
from pathlib import Path

import gradio as gr

from psgvlm.app.session import EXAMPLE_H
from psgvlm.image_spec import ImageSpec
from psgvlm.montages import MODALITY
from psgvlm.stages import STAGES

HERE = Path(__file__).parent
CSS = (HERE / "page.css").read_text("utf-8")
JS = (HERE / "page.js").read_text("utf-8")
TOP = """<h1>Sleep staging by looking</h1>
<p>A vision-language model looks at every 30-s epoch of a night and stages it. Give it a recording,
check its lanes, see what decided, correct what is wrong, and take the hypnogram with you.</p>
<p class="small">Model: {model}. A recording lies in a temporary folder of the computer that serves
this page while the page is open; nothing of it is logged or sent on. For research, not a medical
device.</p>"""
NOTHING = "Nothing here yet: drop a recording above, or take the simulated example."


class Layout:
    """The parts of the page, in `blocks`: the recording, its lanes, the night, the files."""

    def __init__(self, spec: ImageSpec, model: str, max_mb: int):
        with gr.Blocks(title="Sleep staging by looking", analytics_enabled=False) as self.blocks:
            gr.HTML(TOP.format(model=escape(model)), elem_id="top")
            self._recording(max_mb)
            with gr.Column(visible=False) as self.lanes_part:
                self._lanes(spec)
            with gr.Column(visible=False) as self.night_part:
                self._night(spec)

    def _recording(self, max_mb: int) -> None:
        _heading(1, "Recording")
        with gr.Row(equal_height=True):
            self.file = gr.File(
                label=f"EDF or EDF+, up to {max_mb} MB", height=150, scale=3, elem_id="recording"
            )
            with gr.Column(scale=1, min_width=220):
                self.example = gr.Button("Simulated example", elem_id="example")
                gr.HTML(
                    f'<p class="small">Nothing at hand? {EXAMPLE_H:g} hours of a simulated '
                    "sleeper, made when asked for.</p>"
                )
        self.status = gr.HTML(status(NOTHING), elem_id="status")

    def _lanes(self, spec: ImageSpec) -> None:
        _heading(2, "Lanes")
        self.facts = gr.HTML()
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                gr.HTML(
                    '<p class="small">Which signal fills which lane. Where that is not right, '
                    "choose another, or write a difference: <code>EMG1 - EMG2</code>.</p>"
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
            with gr.Column(scale=2, min_width=_wide(spec)):
                gr.HTML('<p class="small">An epoch from its middle, as the model sees it:</p>')
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
            self.on = gr.Button("▶", min_width=44, scale=0, elem_id="on")
            self.unsure = gr.Button("Next to review", min_width=150, scale=1, elem_id="unsure")
        with gr.Row():
            with gr.Column(scale=3, min_width=_wide(spec)):
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
        _heading(4, "Take it with you")
        self.files = gr.HTML(elem_id="files")


def _heading(number: int, text: str) -> None:
    gr.HTML(f"<h2><b>{number}</b>{text}</h2>", elem_classes="heading")


def _wide(spec: ImageSpec) -> int:
    """The least width for an epoch's picture, in px: room for its waves, where there is room."""
    return min(spec.width, 740)


def status(text: str, kind: str = "") -> str:
    """What is to be done, or `done`, or an `error`, in a line."""
    return f'<div class="status {kind}" role="status">{escape(text)}</div>'
