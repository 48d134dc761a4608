"""The dataset of JPEGs of the popular CRNN repositories (such as HHTseng/video-classification).

PIL opens T frames of a clip, torchvision prepares each, a DataLoader gathers clips, and the
encoder goes through the network one time step after another. Two things are kinder than there:
the network is MobileNetV2 instead of ResNet-152, and what follows the encoder is left off.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torchvision
from baselines import SHORT_SIDE, SIZE, centre_indices, jpeg_folder, serve
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class JpegFrames(Dataset):
    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.transform = transforms.Compose(
            [
                transforms.Resize(SHORT_SIDE),
                transforms.CenterCrop(SIZE),
                transforms.ToTensor(),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

    def __len__(self) -> int:
        return len(self.folders)

    def __getitem__(self, item: int) -> Tensor:
        files = sorted(self.folders[item].iterdir())
        wanted = [files[index] for index in centre_indices(len(files))]
        return torch.stack([self.transform(Image.open(file)) for file in wanted])  # (T, 3, S, S)


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = torchvision.models.mobilenet_v2(weights="IMAGENET1K_V1")
        self.network.classifier = nn.Identity()

    def forward(self, clips: Tensor) -> Tensor:
        essences = [self.network(clips[:, t]) for t in range(clips.shape[1])]
        return torch.stack(essences, dim=1)  # (B, T, 1280)


def main() -> None:
    encoder = Encoder().eval()

    @torch.no_grad()
    def describe(clips: Sequence[Path], **how: int) -> np.ndarray:
        loader = DataLoader(JpegFrames([jpeg_folder(clip) for clip in clips]), **how)
        return torch.cat([encoder(batch) for batch in loader]).numpy()

    serve(
        {
            # What the repository falls back to without a GPU: DataLoader's defaults.
            "load-singly": describe,
            "load-in-batches": lambda clips: describe(clips, batch_size=8, num_workers=2),
        },
        {"torch": torch.__version__, "torchvision": torchvision.__version__},
    )


if __name__ == "__main__":
    main()
