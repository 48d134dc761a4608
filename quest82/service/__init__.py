"""A model at work: one place that turns a video file into an answer."""

from .over_time import Moment, OverTime, Stretch, stretches
from .predictor import Answer, Predictor

__all__ = ["Answer", "Moment", "OverTime", "Predictor", "Stretch", "stretches"]
