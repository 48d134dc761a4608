"""quest82: recognising actions in video by transfer learning on sparse frames.

A clip is T frames; a frozen MobileNetV2 turns each frame into an *essence*, a vector of 1280
numbers; an aggregator (mean pooling or an LSTM) turns T essences into one prediction.

Importing this package imports nothing else: take the rooms you need, e.g.
``from quest82 import sampling, video``.
"""

__version__ = "0.1.0"
