"""Serve a page on which recordings are staged, explained and corrected.

    python -m psgvlm.app --model ADAPTER

It is for the browser on this computer, unless --host says otherwise.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from psgvlm import errors

# Nothing that a browser would have to fetch elsewhere, nor a door that the page does not need.
FONTS = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
NOT_WANTED = dict.fromkeys(
    ("share", "run_history", "enable_monitoring", "ssr_mode", "pwa", "mcp_server"), False
)


def main() -> int:
    parser = argparse.ArgumentParser(
        "python -m psgvlm.app",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", required=True, help="adapter: a folder or a Hub id")
    add("--host", default="127.0.0.1", help="0.0.0.0: for other computers, too, unencrypted")
    add("--port", type=int, default=7860)
    add("--max-mb", type=int, default=1000, help="the largest recording taken; default: 1000")
    add("--device", help="cpu, cuda ...; default: cuda where there is one")
    args = parser.parse_args()
    serve(args.model, args.host, args.port, args.max_mb, args.device)
    return 0


def serve(
    model: str,
    host: str = "127.0.0.1",
    port: int = 7860,
    max_mb: int = 1000,
    device: str | None = None,
) -> None:
    """Serve the page until the process is told to end; whatever was uploaded goes with it."""
    # Read when gradio is imported, or what it imports.
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    from psgvlm.staging.stager import Stager

    stager = Stager(model, device)
    _ = stager.model  # before the first visitor waits for it
    with tempfile.TemporaryDirectory(prefix="psgvlm-page-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(Path(folder) / "arriving")

        import gradio as gr

        from psgvlm.app.layout import CSS
        from psgvlm.app.page import Page
        from psgvlm.app.session import Sessions

        page = Page(Sessions(stager, Path(folder)), max_mb)
        try:
            _, address, _ = page.blocks.queue().launch(
                server_name=host,
                server_port=port,
                max_file_size=max_mb * 1_000_000,
                css=CSS,
                theme=gr.themes.Default(primary_hue="blue", **FONTS),
                state_session_capacity=100,  # what a page showed, kept after it was closed
                prevent_thread_lock=True,
                quiet=True,
                footer_links=[],
                **NOT_WANTED,
            )
        except OSError as error:
            raise errors.InputError(
                f"--host {host} --port {port}: cannot be served there; expected a port that is free"
            ) from error
        print(f"open {address} in a browser; Ctrl-C ends it", flush=True)
        page.blocks.block_thread()


if __name__ == "__main__":
    errors.run(main)
