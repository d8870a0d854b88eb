"""What each click on the page leads to."""

from functools import wraps
from pathlib import Path

import gradio as gr
import numpy as np

from psgvlm.app import pictures
from psgvlm.app.layout import Layout, status
from psgvlm.app.session import REVIEW_UNDER, Session, Sessions
from psgvlm.errors import InputError
from psgvlm.training import run_record

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
            return {self.status: status(line, "error"), self.file: None}

    return run


class Page(Layout):
    """The page for visitors' `sessions`; `blocks` is what Gradio launches.

    Events give what they change as a dict, so that all else stays as it is. Those that use the
    model wait for one another.
    """

    def __init__(self, sessions: Sessions, max_mb: int):
        self.sessions = sessions
        self.spec = sessions.stager.spec
        super().__init__(self.spec, run_record.public(sessions.stager.name), max_mb)
        with self.blocks:
            self._events()

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
        latest = quiet | {"trigger_mode": "always_last"}
        explained = [
            staged,
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
        staged, count = session.staged, len(session.staged.on_grid())
        line = (
            f"Done: {len(staged.epochs)} epochs staged, {len(staged.unsure(REVIEW_UNDER))} of them "
            "to be reviewed. Click into the hypnogram to see an epoch."
        )
        return {
            self.status: status(line, "done"),
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
        return {self.status: status("No epoch is left to be reviewed.")}

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
            self.epoch: pictures.epoch(picture, self.spec, pictures.heat(explanation)),
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
                self.status: status(session.told(error), "error"),
                self.facts: "",
                self.preview: "",
                self.stage: gr.Button("Stage", interactive=False),
                self.night_part: gr.Column(visible=False),
            }
        return {
            self.status: status("Are these the right signals? Then stage the night."),
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
