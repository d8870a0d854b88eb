"""A page to look at: a recording staged, explained and corrected in the browser.

    python -m psgvlm.app --model ADAPTER

`session.py` is what one visitor does, `pictures.py` what is drawn of it, `page.py` Gradio's side.
"""
