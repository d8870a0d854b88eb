"""What happens on the page when a visitor clicks."""

from functools import wraps
from pathlib import Path

import gradio as gr
import numpy as np

from psgvlm.app import pictures
from psgvlm.app.layout import Layout, status
from psgvlm.app.session import Session, Sessions
from psgvlm.errors import InputError
from psgvlm.staging.staged_night import REVIEW_UNDER
from psgvlm.training import run_record

SCROLL_TO_NIGHT = "() => document.querySelector('#night')?.scrollIntoView({behavior: 'smooth'})"
EXPLAINING = '<p class="small">Finding out what decided …</p>'


def showing_errors(event):
    """Wrap an event of the page so that an error appears in the status line."""

    @wraps(event)
    def run(self, *inputs):
        request = next(value for value in inputs if isinstance(value, gr.Request))
        try:
            return event(self, *inputs)
        except (InputError, OSError) as error:
            line = self.sessions.get(request.session_hash).message(error)
            return {self.status: status(line, "error"), self.file: None}

    return run


class Page(Layout):
    """The page for the visitors in `sessions`; Gradio launches its `blocks`.

    An event returns the components it changes as a dict; all others stay as they are. Events that
    use the model wait for one another.
    """

    def __init__(self, sessions: Sessions, max_mb: int):
        self.sessions = sessions
        self.spec = sessions.stager.spec
        model = run_record.public_name(sessions.stager.name)
        super().__init__(self.spec, model, max_mb, sessions.example is not None)
        with self.blocks:
            self._connect_events()

    def _connect_events(self) -> None:
        changing = [
            *(self.status, self.file, self.lanes_part, self.night_part, self.facts, self.preview),
            *(self.stage, self.night, self.slider, self.epoch, self.probabilities, self.reasons),
            *(self.files, self.statistics, *self.lanes.values(), *self.buttons.values()),
        ]
        common = {"outputs": changing, "api_visibility": "private"}
        with_progress = common | {"show_progress_on": self.status}
        # Key presses take effect one after another, in their order.
        quiet = common | {"show_progress": "hidden", "trigger_mode": "multiple"}
        quiet |= {"concurrency_id": "looking", "concurrency_limit": 1}
        model = {"concurrency_id": "model", "concurrency_limit": 1}

        self.blocks.load(self.arrive, None, None, api_visibility="private")
        self.blocks.unload(self.leave)
        # Without preprocessing the event gets the path; Gradio's own reading leaves an empty file.
        self.file.upload(
            self.upload, self.file, preprocess=False, concurrency_limit=4, **with_progress
        )
        self.example.click(self.take_example, None, concurrency_limit=2, **with_progress)
        for lane in self.lanes.values():
            lane.input(self.choose_lanes, list(self.lanes.values()), **quiet)
        staged = self.stage.click(self.stage_night, None, **with_progress, **model)
        staged.then(None, js=SCROLL_TO_NIGHT, api_visibility="private")
        latest = quiet | {"trigger_mode": "always_last"}
        explained = [
            staged,
            self.night.select(self.click_night, None, **latest),
            self.slider.input(self.move_slider, self.slider, **latest),
            self.back.click(self.step_back, None, **quiet),
            self.forward.click(self.step_forward, None, **quiet),
            self.next_for_review.click(self.step_to_review, None, **quiet),
        ]
        for event in explained:
            event.then(self.explain, None, **common, **model, show_progress_on=self.reasons)
        for stage, button in self.buttons.items():
            button.click(self.corrector(stage), None, **quiet)

    def arrive(self, request: gr.Request) -> None:
        self.sessions.get(request.session_hash)

    def leave(self, request: gr.Request) -> None:
        self.sessions.end(request.session_hash)

    @showing_errors
    def upload(self, file, request: gr.Request):
        session = self._session(request)
        name = Path(file["orig_name"] or file["path"]).name
        session.take_recording(Path(file["path"]), name)
        return self._new_recording(session)

    @showing_errors
    def take_example(self, request: gr.Request):
        session = self._session(request)
        session.take_example()
        return self._new_recording(session)

    @showing_errors
    def choose_lanes(self, request: gr.Request, *chosen: str):
        session = self._session(request)
        return self._opened_night(session, dict(zip(self.lanes, chosen, strict=True)))

    @showing_errors
    def stage_night(self, request: gr.Request, progress=gr.Progress()):  # noqa: B008
        session = self._session(request)

        def show_progress(done: int, epochs: int) -> None:
            progress((done, epochs), desc=f"{done} of {epochs} epochs staged")

        if not session.stage(show_progress):
            return gr.skip()
        staged, n_grid = session.staged, len(session.staged.stages_on_grid())
        for_review = len(staged.rows_for_review(REVIEW_UNDER))
        line = (
            f"Done: {len(staged.epochs)} epochs staged; {for_review} of them should be reviewed. "
            "Click into the hypnogram to see an epoch."
        )
        return {
            self.status: status(line, "done"),
            self.night_part: gr.Column(visible=True),
            **self._current_epoch(session),
            **self._all_stages(session),
            self.slider: gr.Slider(
                maximum=max(n_grid, 2), value=int(staged.epochs[session.row]) + 1
            ),
        }

    @showing_errors
    def click_night(self, at: gr.SelectData, request: gr.Request):
        return self._go_to_index(self._session(request), int(at.index))

    @showing_errors
    def move_slider(self, number: float, request: gr.Request):
        return self._go_to_index(self._session(request), int(number) - 1)

    @showing_errors
    def step_back(self, request: gr.Request):
        return self._step(self._session(request), -1)

    @showing_errors
    def step_forward(self, request: gr.Request):
        return self._step(self._session(request), 1)

    @showing_errors
    def step_to_review(self, request: gr.Request):
        session = self._session(request)
        if session.go_to_next_for_review():
            return self._current_epoch(session)
        return {self.status: status("No epoch is left for review.")}

    @showing_errors
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
            return gr.skip()  # the recording may have been deleted
        if session.staged is None or session.row != row:
            return gr.skip()  # the visitor has moved on, and that epoch has an event of its own
        return {
            self.epoch: pictures.epoch(picture, self.spec, pictures.heat(explanation)),
            self.reasons: pictures.reasons(explanation),
        }

    def corrector(self, stage: str):
        """Return the event of the button of a stage."""

        def correct(request: gr.Request):
            return self.correct(stage, request)

        return correct

    @showing_errors
    def correct(self, stage: str, request: gr.Request):
        session = self._session(request)
        session.correct(stage)
        return {**self._all_stages(session), **self._stage_of_epoch(session)}

    ### The components that an event changes

    def _session(self, request: gr.Request) -> Session:
        return self.sessions.get(request.session_hash)

    def _new_recording(self, session: Session) -> dict:
        """Show the lanes of a new recording; they can be changed even if it does not open."""
        lanes = {
            self.lanes[name]: gr.Dropdown(choices=list(session.labels), value=source)
            for name, source in session.sources().items()
        }
        return {
            **lanes,
            self.file: None,
            self.lanes_part: gr.Column(visible=True),
            **self._opened_night(session),
        }

    def _opened_night(self, session: Session, chosen: dict | None = None) -> dict:
        try:
            night = session.open(chosen)
            middle = len(night.epochs) // 2
            preview = pictures.epoch(session.picture(middle), self.spec)
        except (InputError, OSError) as error:
            return {
                self.status: status(session.message(error), "error"),
                self.facts: "",
                self.preview: "",
                self.stage: gr.Button("Stage", interactive=False),
                self.night_part: gr.Column(visible=False),
            }
        return {
            self.status: status("Check that each lane shows the right signal, then stage."),
            self.facts: pictures.facts(night, session.display_name),
            self.preview: preview,
            self.stage: gr.Button(f"Stage {len(night.epochs)} epochs", interactive=True),
            self.night_part: gr.Column(visible=False),
        }

    def _go_to_index(self, session: Session, index: int) -> dict:
        """Go to the epoch with this index on the grid, or to the next one that was staged."""
        if session.staged is not None:
            session.go_to(int(np.searchsorted(session.staged.epochs, index)))
        return self._current_epoch(session)

    def _step(self, session: Session, by: int) -> dict:
        session.go_to(session.row + by)
        return self._current_epoch(session)

    def _current_epoch(self, session: Session) -> dict:
        staged = session.staged
        if staged is None:
            raise InputError("the staged night is not here any more; stage it again")
        return {
            self.night: gr.HTML(at=self._position_percent(session)),
            self.slider: int(staged.epochs[session.row]) + 1,
            self.epoch: pictures.epoch(session.picture(session.row), self.spec),
            self.reasons: EXPLAINING,
            **self._stage_of_epoch(session),
        }

    def _position_percent(self, session: Session) -> float:
        """Return where in the night the current epoch lies, in percent."""
        staged = session.staged
        return 100 * (staged.epochs[session.row] + 0.5) / len(staged.stages_on_grid())

    def _stage_of_epoch(self, session: Session) -> dict:
        current = session.staged.stages[session.row]
        return {
            self.probabilities: pictures.probabilities(session.staged, session.row),
            **{
                button: gr.Button(variant="primary" if stage == current else "secondary")
                for stage, button in self.buttons.items()
            },
        }

    def _all_stages(self, session: Session) -> dict:
        """Show everything that depends on all stages of the night."""
        staged = session.staged
        night = pictures.night(staged, REVIEW_UNDER)
        return {
            self.night: gr.HTML(night, at=self._position_percent(session)),
            self.statistics: pictures.statistics(session.statistics(), staged.notes),
            self.files: pictures.downloads(session.downloads(), len(staged.corrections)),
        }
