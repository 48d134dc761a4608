"""A model at work: one place that turns a video file into an answer."""

from .predictor import Answer, Predictor

__all__ = ["Answer", "Predictor"]
