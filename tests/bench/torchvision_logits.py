#!/usr/bin/env python3
"""Compares Hush with torchvision, from the JPEG file to the logits.

    python3 tests/bench/torchvision_logits.py [--models NAME …] [--images 20]

Needs torch, torchvision and Pillow (Debian: python3-torch, python3-torchvision), the built
./apps/evaluate, and images in datasets/imagenette/val. For each model torchvision makes random
weights and batch-norm statistics that are not the initial ones; torch.save writes them; Hush
loads that file and scores the same images. Prints the largest error of a logit relative to the
largest logit, and exits with 1 if one exceeds 1e-4.
"""
import argparse
import csv
import pathlib
import subprocess
import sys
import tempfile

import torch
import torchvision
from PIL import Image
from torchvision import transforms

import pytorch_step

CLASSES = 10
TOLERANCE = 1e-4


def renamed(make, block_name, first_block, blocks, names):
    """A function that makes one of pytorch_step's models and names its weights as Hush does."""
    def weights(model):
        result = {}
        for key, value in model.state_dict().items():
            place, rest = key.split(".", 1)
            block = int(place) - first_block
            scope = block_name(block) if 0 <= block < blocks else names[int(place)]
            result[f"{scope}.{rest.replace('shortcut', 'convShortcut')}"] = value
        return result
    return lambda num_classes: make(), weights


def plain(make):
    return make, lambda model: model.state_dict()


# How to make each model, how to name its weights, and the size of its images.
MODELS = {
    "resnet18": (*renamed(pytorch_step.resnet18, lambda i: f"layer{i // 2 + 1}.{i % 2}", 2, 8,
                          {0: "conv1", 1: "bn1", 12: "fc"}), 32),
    "wrn-22-8": (*renamed(pytorch_step.wrn22_8, lambda i: f"block{i // 3 + 1}.layer.{i % 3}", 1, 9,
                          {0: "conv1", 10: "bn1", 13: "fc"}), 32),
    "resnet18-imagenet": (*plain(torchvision.models.resnet18), 224),
    "resnet34-imagenet": (*plain(torchvision.models.resnet34), 224),
    "efficientnet-b0": (*plain(torchvision.models.efficientnet_b0), 224),
    "efficientnet-b1": (*plain(torchvision.models.efficientnet_b1), 224),
    "efficientnet-b2": (*plain(torchvision.models.efficientnet_b2), 224),
}


def random_model(make, size):
    """Weights as drawn; statistics of a few random batches, so that no layer is the identity."""
    model = make(num_classes=CLASSES)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
            module.momentum = 0.5
    model.train()
    with torch.no_grad():
        for _ in range(4):
            model(torch.randn(8, 3, size, size))
    return model.eval()


def link_images(folder, count):
    """`count` images of datasets/imagenette/val, spread over its classes, as folder/val."""
    root = pathlib.Path("datasets/imagenette/val")
    classes = sorted(path for path in root.iterdir() if path.is_dir())
    if len(classes) != CLASSES:
        sys.exit(f"{root}: {len(classes)} class folders, not {CLASSES}")
    chosen = []
    for source in classes:
        target = folder / "val" / source.name
        target.mkdir(parents=True)
        for image in sorted(source.iterdir())[:count // CLASSES]:
            (target / image.name).symlink_to(image.resolve())
            chosen.append(target / image.name)
    return chosen


def torchvision_logits(model, images, size):
    prepare = transforms.Compose([
        transforms.Resize(size * 8 // 7), transforms.CenterCrop(size), transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    batch = torch.stack([prepare(Image.open(path).convert("RGB")) for path in images])
    with torch.no_grad():
        return model(batch)


def hush_logits(name, size, weights, data, out):
    subprocess.run(
        ["./apps/evaluate", "--model", name, "--weights", weights, "--dataset", "imagefolder",
         "--data", data, "--image-size", str(size), "--resize", str(size * 8 // 7),
         "--logits", out],
        check=True, stdout=subprocess.DEVNULL)
    with open(out, newline="", encoding="ascii") as file:
        rows = list(csv.reader(file))
    return torch.tensor([[float(x) for x in row[-CLASSES:]] for row in rows[1:]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    worst = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        images = link_images(folder, options.images)
        for model_name in options.models:
            make, state_dict, size = MODELS[model_name]
            model = random_model(make, size)
            weights = folder / f"{model_name}.pth"
            torch.save(state_dict(model), weights)
            expected = torchvision_logits(model, images, size)
            got = hush_logits(model_name, size, weights, folder, folder / "logits.csv")
            error = float((got - expected).abs().max() / expected.abs().max())
            agree = int((got.argmax(1) == expected.argmax(1)).sum())
            print(f"{model_name:18} {len(images)} images: largest relative error {error:.2e}, "
                  f"{agree} of {len(images)} classes agree", flush=True)
            worst = max(worst, error)
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
