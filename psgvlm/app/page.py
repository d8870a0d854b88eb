"""The page: what stands on it, and what each click leads to."""

from functools import wraps
from html import escape
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from psgvlm import training_record
from psgvlm.app import pictures
from psgvlm.app.session import EXAMPLE_H, REVIEW_UNDER, Session, Sessions
from psgvlm.errors import InputError
from psgvlm.montage import LANES
from psgvlm.stages import STAGES

HERE = Path(__file__).parent
CSS = (HERE / "page.css").read_text("utf-8")
CLICK = (HERE / "page.js").read_text("utf-8")
TOP = """<h1>Sleep staging by looking</h1>
<p>A vision-language model looks at every 30-s epoch of a night and stages it. Give it a recording,
check its lanes, see what decided, correct what is wrong, and take the hypnogram with you.</p>
<p class="small">Model: {model}. A recording lies in a temporary folder of the computer that serves
this page while the page is open; nothing of it is logged or sent on. For research, not a medical
device.</p>"""
NOTHING = "Nothing here yet: drop a recording above, or take the simulated example."
TO_NIGHT = "() => document.querySelector('#night')?.scrollIntoView({behavior: 'smooth'})"
LOOKING = '<p class="small">Looking for what decided …</p>'


def told(act):
    """An event of the page, in which an error is a line that the visitor can act on."""

    @wraps(act)
    def run(self, *inputs):
        request = next(value for value in inputs if isinstance(value, gr.Request))
        try:
            return act(self, *inputs)
        except (InputError, OSError) as error:
            line = self.sessions.of(request.session_hash).told(error)
            return {self.status: _status(line, "error"), self.file: None}

    return run


class Page:
    """The page for visitors' `sessions`; `blocks` is what Gradio launches.

    Events give what they change as a dict, so that all else stays as it is. Those that use the
    model wait for one another.
    """

    def __init__(self, sessions: Sessions, max_mb: int):
        self.sessions = sessions
        self.spec = sessions.stager.spec
        model = training_record.public(sessions.stager.name)
        with gr.Blocks(title="Sleep staging by looking", analytics_enabled=False) as self.blocks:
            gr.HTML(TOP.format(model=escape(model)), elem_id="top")
            self._recording(max_mb)
            with gr.Column(visible=False, elem_classes="section") as self.lanes_part:
                self._lanes()
            with gr.Column(visible=False, elem_classes="section") as self.night_part:
                self._night()
            self._events()

    ### What stands on it

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
        self.status = gr.HTML(_status(NOTHING), elem_id="status")

    def _lanes(self) -> None:
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
                        label=f"{name} ({LANES[name].modality})",
                        choices=[],
                        allow_custom_value=True,
                        elem_id=f"lane-{name}",
                    )
                    for name in self.spec.lanes
                }
            with gr.Column(scale=2, min_width=280):
                gr.HTML('<p class="small">An epoch from its middle, as the model sees it:</p>')
                self.preview = gr.HTML(elem_id="preview")
        self.stage = gr.Button("Stage", variant="primary", elem_id="stage")

    def _night(self) -> None:
        _heading(3, "Night")
        self.night = gr.HTML(
            html_template='<div style="--at:${at}">${value}</div>',
            js_on_load=CLICK,
            at=0,
            elem_id="night",
        )
        self.statistics = gr.HTML(elem_id="statistics")
        with gr.Row(elem_classes="steer"):
            self.back = gr.Button("◀", min_width=44, scale=0, elem_id="back")
            self.slider = gr.Slider(1, 2, 1, step=1, label="Epoch", scale=4, min_width=180)
            self.on = gr.Button("▶", min_width=44, scale=0, elem_id="on")
            self.unsure = gr.Button("Next to review", min_width=150, scale=1, elem_id="unsure")
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
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

    ### What each click leads to

    def _events(self) -> None:
        changing = [
            *(self.status, self.file, self.lanes_part, self.night_part, self.facts, self.preview),
            *(self.stage, self.night, self.slider, self.epoch, self.probabilities, self.reasons),
            *(self.files, self.statistics, *self.lanes.values(), *self.buttons.values()),
        ]
        common = {"outputs": changing, "api_visibility": "private"}
        seen = common | {"show_progress_on": self.status}
        # One after another, as the keys were pressed.
        quiet = common | {"show_progress": "hidden", "trigger_mode": "multiple"}
        quiet |= {"concurrency_id": "looking", "concurrency_limit": 1}
        model = {"concurrency_id": "model", "concurrency_limit": 1}

        self.blocks.load(self.arrive, None, None, api_visibility="private")
        self.blocks.unload(self.leave)
        # As it came, for its path: Gradio's own reading leaves an empty file behind.
        self.file.upload(self.take, self.file, preprocess=False, concurrency_limit=4, **seen)
        self.example.click(self.simulate, None, concurrency_limit=2, **seen)
        for lane in self.lanes.values():
            lane.input(self.choose_lanes, list(self.lanes.values()), **quiet)
        staged = self.stage.click(self.stage_night, None, **seen, **model)
        staged.then(None, js=TO_NIGHT, api_visibility="private")
        explained = [staged]
        latest = quiet | {"trigger_mode": "always_last"}
        explained += [
            self.night.select(self.click, None, **latest),
            self.slider.input(self.slide, self.slider, **latest),
            self.back.click(self.step_back, None, **quiet),
            self.on.click(self.step_on, None, **quiet),
            self.unsure.click(self.next_unsure, None, **quiet),
        ]
        for event in explained:
            event.then(self.explain, None, **common, **model, show_progress_on=self.reasons)
        for stage, button in self.buttons.items():
            button.click(self.corrector(stage), None, **quiet)

    def arrive(self, request: gr.Request) -> None:
        self.sessions.of(request.session_hash)

    def leave(self, request: gr.Request) -> None:
        self.sessions.end(request.session_hash)

    @told
    def take(self, file, request: gr.Request):
        session = self._session(request)
        session.take(Path(file["path"]), Path(file["orig_name"] or file["path"]).name)
        return self._look(session)

    @told
    def simulate(self, request: gr.Request):
        session = self._session(request)
        session.simulate()
        return self._look(session)

    @told
    def choose_lanes(self, request: gr.Request, *chosen: str):
        session = self._session(request)
        return self._opened(session, dict(zip(self.lanes, chosen, strict=True)))

    @told
    def stage_night(self, request: gr.Request, progress=gr.Progress()):  # noqa: B008
        session = self._session(request)

        def show(done: int, epochs: int) -> None:
            progress((done, epochs), desc=f"{done} of {epochs} epochs staged")

        if not session.stage(show):
            return gr.skip()
        staged = session.staged
        count = len(staged.on_grid())
        line = (
            f"Done: {len(staged.epochs)} epochs staged, {len(staged.unsure(REVIEW_UNDER))} of them "
            "to be reviewed. Click into the hypnogram to see an epoch."
        )
        return {
            self.status: _status(line, "done"),
            self.night_part: gr.Column(visible=True),
            **self._view(session),
            **self._changed(session),
            self.slider: gr.Slider(
                maximum=max(count, 2), value=int(staged.epochs[session.row]) + 1
            ),
        }

    @told
    def click(self, at: gr.SelectData, request: gr.Request):
        return self._go(self._session(request), int(at.index))

    @told
    def slide(self, value: float, request: gr.Request):
        return self._go(self._session(request), int(value) - 1)

    @told
    def step_back(self, request: gr.Request):
        return self._step(self._session(request), -1)

    @told
    def step_on(self, request: gr.Request):
        return self._step(self._session(request), 1)

    @told
    def next_unsure(self, request: gr.Request):
        session = self._session(request)
        if session.next_unsure():
            return self._view(session)
        return {self.status: _status("No epoch is left to be reviewed.", "done")}

    @told
    def explain(self, request: gr.Request):
        session = self._session(request)
        staged, row = session.staged, session.row
        if staged is None:
            return gr.skip()
        try:
            explanation = session.explain()
            picture = session.picture(row)
        except (InputError, OSError):
            if session.staged is staged:
                raise
            return gr.skip()  # its file may be gone
        if session.staged is None or session.row != row:
            return gr.skip()  # another epoch is looked at by now, and asks for itself
        return {
            self.epoch: pictures.epoch(picture, self.spec, _heat(explanation)),
            self.reasons: pictures.reasons(explanation),
        }

    def corrector(self, stage: str):
        """The event of a stage's button."""

        def correct(request: gr.Request):
            return self.correct(stage, request)

        return correct

    @told
    def correct(self, stage: str, request: gr.Request):
        session = self._session(request)
        session.correct(stage)
        return {**self._changed(session), **self._marked(session)}

    ### What it then shows

    def _session(self, request: gr.Request) -> Session:
        return self.sessions.of(request.session_hash)

    def _look(self, session: Session) -> dict:
        """A recording that has just come: its lanes, to be changed, whether it opens or not."""
        lanes = {
            self.lanes[name]: gr.Dropdown(choices=list(session.labels), value=source)
            for name, source in session.sources().items()
        }
        return {
            **lanes,
            self.file: None,
            self.lanes_part: gr.Column(visible=True),
            **self._opened(session),
        }

    def _opened(self, session: Session, chosen: dict | None = None) -> dict:
        try:
            night = session.open(chosen)
            middle = len(night.epochs) // 2
            preview = pictures.epoch(session.picture(middle), self.spec)
        except (InputError, OSError) as error:
            return {
                self.status: _status(session.told(error), "error"),
                self.facts: "",
                self.preview: "",
                self.stage: gr.Button("Stage", interactive=False),
                self.night_part: gr.Column(visible=False),
            }
        return {
            self.status: _status("Are these the right signals? Then stage the night."),
            self.facts: pictures.facts(night, session.shown),
            self.preview: preview,
            self.stage: gr.Button(f"Stage {len(night.epochs)} epochs", interactive=True),
            self.night_part: gr.Column(visible=False),
        }

    def _go(self, session: Session, number: int) -> dict:
        """To the epoch of that number, or where there is none to the next one there is."""
        if session.staged is not None:
            session.choose(int(np.searchsorted(session.staged.epochs, number)))
        return self._view(session)

    def _step(self, session: Session, by: int) -> dict:
        session.choose(session.row + by)
        return self._view(session)

    def _view(self, session: Session) -> dict:
        staged = session.staged
        if staged is None:
            raise InputError("nothing is staged here any more; expected a night: stage it again")
        return {
            self.night: gr.HTML(at=self._at(session)),
            self.slider: int(staged.epochs[session.row]) + 1,
            self.epoch: pictures.epoch(session.picture(session.row), self.spec),
            self.reasons: LOOKING,
            **self._marked(session),
        }

    def _at(self, session: Session) -> float:
        """Where in the night the epoch looked at lies, in %."""
        staged = session.staged
        return 100 * (staged.epochs[session.row] + 0.5) / len(staged.on_grid())

    def _marked(self, session: Session) -> dict:
        counts = session.staged.stages[session.row]
        return {
            self.probabilities: pictures.probabilities(session.staged, session.row),
            **{
                button: gr.Button(variant="primary" if stage == counts else "secondary")
                for stage, button in self.buttons.items()
            },
        }

    def _changed(self, session: Session) -> dict:
        """What depends on all stages of the night."""
        return {
            self.night: gr.HTML(pictures.night(session.staged, REVIEW_UNDER), at=self._at(session)),
            self.statistics: pictures.statistics(session.statistics(), session.staged.notes),
            self.files: pictures.files(session.files(), len(session.staged.corrections)),
        }


def _heading(number: int, text: str) -> None:
    gr.HTML(f"<h2><b>{number}</b>{text}</h2>", elem_classes="section")


def _status(text: str, kind: str = "") -> str:
    return f'<div class="status {kind}" role="status">{escape(text)}</div>'


def _heat(explanation) -> Image.Image:
    """The colour of the paper as a picture to be multiplied with the epoch's."""
    from matplotlib.colors import to_rgb

    from psgvlm.explain.picture import AGAINST, FOR, paper

    colours = paper(explanation.heat, to_rgb(FOR), to_rgb(AGAINST))
    return Image.fromarray((255 * colours).round().astype(np.uint8))
