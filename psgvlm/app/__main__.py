"""Serve a page on which recordings are staged, explained and corrected.

    python -m psgvlm.app --model ADAPTER

It is for the browser on this computer, unless --host says otherwise.
"""

import argparse
import logging
import os
import signal
import sys
import tempfile
from pathlib import Path

from psgvlm import errors


def main() -> int:
    parser = argparse.ArgumentParser(
        "python -m psgvlm.app",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", required=True, help="adapter: a folder or a Hub id")
    add("--host", default="127.0.0.1", help="0.0.0.0: for other computers, too")
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
    # Read when gradio is imported, or by what it imports.
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    from psgvlm.staging import Stager

    stager = Stager(model, device)
    _ = stager.model  # before the first visitor waits for it
    with tempfile.TemporaryDirectory(prefix="psgvlm-page-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(Path(folder) / "arriving")

        import gradio as gr

        from psgvlm.app.page import CSS, Page
        from psgvlm.app.session import Sessions

        logging.getLogger("httpx").setLevel(logging.WARNING)
        fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
        page = Page(Sessions(stager, Path(folder)), max_mb)
        _, address, _ = page.blocks.queue().launch(
            server_name=host,
            server_port=port,
            max_file_size=max_mb * 1_000_000,
            css=CSS,
            theme=gr.themes.Default(primary_hue="blue", **fonts),
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
        )
        print(f"open {address} in a browser; Ctrl-C ends it", flush=True)
        try:
            page.blocks.block_thread()
        finally:
            page.blocks.close(verbose=False)


if __name__ == "__main__":
    errors.run(main)
