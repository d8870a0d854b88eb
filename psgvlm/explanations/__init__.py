"""Which part of the image decided.

    explanation = explain(model, images)
    print(explanation.sentence)
    draw(explanation, images[model.neighbours], "why.png")

`methods.py` says how it is measured; `python -m psgvlm.explanations CORPUS --model ADAPTER --out
DIR`
explains a corpus' epochs, and which lanes decide which stage.
"""

from psgvlm.explanations.explanation import Explanation, ImagePart
from psgvlm.explanations.methods import METHODS, explain
from psgvlm.explanations.picture import draw

__all__ = ["METHODS", "Explanation", "ImagePart", "draw", "explain"]
