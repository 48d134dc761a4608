"""A bag of words: how often a clip shows each of some typical descriptors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sklearn.cluster import KMeans
from torch import Tensor


class Words:
    """A vocabulary of typical descriptors, found by k-means, and histograms over it.

    Wang et al. 2013 have 4000 words of 100,000 descriptors. As their kernel is not linear, the
    histogram is given its square root here, after which a linear machine measures Hellinger's
    distance.

    Args:
        num_words: size of the vocabulary.
        most: how many descriptors it is found from, drawn at random.
        seed: of the draw, and of k-means.
    """

    def __init__(self, num_words: int = 64, *, most: int = 5000, seed: int = 0) -> None:
        self.num_words, self.most, self.seed = num_words, most, seed

    def fit(self, descriptors: Sequence[Tensor]) -> Words:
        """Find the words.

        Args:
            descriptors: of each training clip (P, D).

        Raises:
            ValueError: if there are fewer descriptors than words.
        """
        all_of_them = torch.cat(list(descriptors))
        if len(all_of_them) < self.num_words:
            raise ValueError(
                f"descriptors ({len(all_of_them)}) must be at least as many as the words "
                f"({self.num_words}): take more clips or fewer words"
            )
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.randperm(len(all_of_them), generator=generator)[: self.most]
        sample = all_of_them[drawn].double().numpy()
        self.means = KMeans(self.num_words, n_init=1, random_state=self.seed).fit(sample)
        return self

    def __call__(self, descriptors: Sequence[Tensor]) -> Tensor:
        """Histograms (N, num_words) of N clips, each of length 1; 0 where a clip has none."""
        return torch.stack([self._histogram(own) for own in descriptors])

    def _histogram(self, own: Tensor) -> Tensor:
        if not len(own):
            return torch.zeros(self.num_words, dtype=torch.float64)
        words = torch.from_numpy(self.means.predict(own.double().numpy()))
        counts = torch.bincount(words.long(), minlength=self.num_words)
        return (counts.double() / len(own)).sqrt()
