"""What a network sees of a clip: which frames, through which crop, decoded by whom."""
