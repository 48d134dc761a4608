"""Networks: tensors in, features or logits out. Nothing here ever sees a video file.

Example: the same frames backwards; the mean cannot notice, an LSTM does.
    >>> import torch
    >>> from quest82.systems import classifier
    >>> essences = torch.randn(1, 8, 1280)
    >>> backwards = essences.flip(1)
    >>> mean = classifier.build("mean", in_features=1280, num_classes=2).eval()
    >>> lstm = classifier.build("lstm", in_features=1280, num_classes=2).eval()
    >>> torch.allclose(mean(essences), mean(backwards), atol=1e-6)
    True
    >>> torch.allclose(lstm(essences), lstm(backwards), atol=1e-6)
    False
"""
