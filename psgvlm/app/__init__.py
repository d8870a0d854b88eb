"""A page to look at: a recording staged, explained and corrected in the browser.

    python -m psgvlm.app --model ADAPTER

`session.py` is what a visitor has and does, `pictures.py` what is drawn of it; `layout.py` and
`page.py` are Gradio's side: what stands on the page, and what each click leads to.
"""
