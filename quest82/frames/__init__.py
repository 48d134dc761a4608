"""What a network sees of a clip: which frames, through which crop, decoded by whom.

Example: from 90 frames of 320 by 240 pixels to eight frames that a network takes.
    >>> import torch
    >>> from quest82.frames.sampling import segment_indices
    >>> from quest82.frames.transforms import ClipTransform
    >>> indices = segment_indices(90, 8)
    >>> indices.tolist()
    [5, 16, 28, 39, 50, 61, 73, 84]
    >>> video = torch.zeros(90, 3, 240, 320, dtype=torch.uint8)
    >>> clip = ClipTransform(224)(video[indices])
    >>> clip.shape, clip.dtype
    (torch.Size([8, 3, 224, 224]), torch.float32)
"""
