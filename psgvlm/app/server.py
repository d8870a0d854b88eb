"""Serving the page."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from psgvlm.errors import InputError

# System fonts, so that the browser fetches nothing from elsewhere.
FONTS = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
# Features of Gradio that the page does not need and that would open it to others.
SWITCHED_OFF = dict.fromkeys(
    ("share", "run_history", "enable_monitoring", "ssr_mode", "pwa", "mcp_server"), False
)
MAX_SESSIONS = 100  # pages whose state Gradio keeps in memory; the oldest goes first


def serve(
    model: str,
    host: str = "127.0.0.1",
    port: int = 7860,
    max_mb: int = 1000,
    device: str | None = None,
    example: Callable[[Path], Path] | None = None,
) -> None:
    """Serve the page until the process is terminated, then delete all uploads.

    Parameters
    ----------
    model : str
        The adapter: a folder or a Hub id.
    host, port : str, int
        Where to serve. By default only this computer can open the page.
    max_mb : int, default 1000
        The size in MB of the largest recording that can be uploaded.
    device : str, optional
        Such as `"cpu"` or `"cuda"`; by default a GPU if there is one.
    example : callable, optional
        A function that writes an example recording into a folder and returns its path. Without it
        the page offers no example.

    Raises
    ------
    InputError
        If the model cannot be used, or the address cannot be served.
    """
    # Gradio and huggingface_hub read these when they are imported.
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    from psgvlm.staging.stager import Stager

    stager = Stager(model, device)
    _ = stager.model  # loads the weights, so that the first visitor need not wait
    with tempfile.TemporaryDirectory(prefix="psgvlm-page-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(Path(folder) / "arriving")

        import gradio as gr

        from psgvlm.app.layout import CSS
        from psgvlm.app.page import Page
        from psgvlm.app.session import Sessions

        page = Page(Sessions(stager, Path(folder), example), max_mb)
        try:
            _, address, _ = page.blocks.queue().launch(
                server_name=host,
                server_port=port,
                max_file_size=max_mb * 1_000_000,
                css=CSS,
                theme=gr.themes.Default(primary_hue="blue", **FONTS),
                state_session_capacity=MAX_SESSIONS,
                prevent_thread_lock=True,
                quiet=True,
                footer_links=[],
                **SWITCHED_OFF,
            )
        except OSError as error:
            raise InputError(
                f"{host}:{port}: the page cannot be served there; expected an address of this "
                "computer and a port that is free",
                "port",
            ) from error
        print(f"open {address} in a browser; Ctrl-C ends it", flush=True)
        page.blocks.block_thread()
