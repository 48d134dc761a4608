"""Networks: tensors in, features or logits out. Nothing here ever sees a video file."""
