"""Explaining a stage: which part of an epoch's image decided it.

explanation = explain(model, images)
print(explanation.sentence)
explanation.save("why.png")
"""

from psgvlm.explanations.explanation import Explanation, ImagePart
from psgvlm.explanations.methods import METHODS, explain
from psgvlm.explanations.picture import draw

__all__ = ["METHODS", "Explanation", "ImagePart", "draw", "explain"]
