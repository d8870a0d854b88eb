"""Which part of the image decided.

    explanation = explain(model, images)
    print(explanation.sentence)
    draw(explanation, images[model.context], "why.png")

`methods.py` says how it is measured; `python -m psgvlm.explain CORPUS --model ADAPTER --out DIR`
explains a corpus' epochs, and which lanes decide which stage.
"""

from psgvlm.explain.explanation import Explanation, Part
from psgvlm.explain.methods import METHODS, explain
from psgvlm.explain.picture import draw

__all__ = ["METHODS", "Explanation", "Part", "draw", "explain"]
