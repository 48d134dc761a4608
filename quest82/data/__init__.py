"""Where clips come from: folders, UCF101, and videos rendered by formula.

Example: a door opens; backwards, it closes.
    >>> from quest82.data import synthetic
    >>> opening = synthetic.render("open_door", number=0)  # the first object
    >>> opening.shape, opening.dtype
    (torch.Size([55, 3, 256, 256]), torch.uint8)
    >>> synthetic.REVERSED["open_door"]
    'close_door'
"""
