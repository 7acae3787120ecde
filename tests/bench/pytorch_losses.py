#!/usr/bin/env python3
"""Ten training steps of ResNet-20 in PyTorch and in Hush from the same weights, loss beside loss.

usage: pytorch_losses.py WEIGHTS.safetensors CIFAR10_FOLDER [PRETRAIN]
WEIGHTS is a ResNet-20 with PyTorch's names; CIFAR10_FOLDER holds data_batch_1.bin. PyTorch runs in
double precision, and in single precision with each memory layout, which shows how far rounding
alone carries. Needs python3-torch.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

STEPS, BATCH = 10, 64


class Block(nn.Module):
    """Two 3x3 convolutions; the shortcut subsamples and pads channels with zeros (option A)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.pad = stride, (outputs - inputs) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        x = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(x + y)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(Block(16, 16, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


def read_safetensors(path):
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        data = file.read()
    metadata = header.pop('__metadata__')
    tensors = {}
    for name, entry in header.items():
        begin, end = entry['data_offsets']
        kind = {'F32': np.float32, 'I64': np.int64}[entry['dtype']]
        array = np.frombuffer(data[begin:end], kind).reshape(entry['shape'])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors, metadata


def read_images(folder, metadata):
    raw = np.fromfile(os.path.join(folder, 'data_batch_1.bin'), np.uint8).reshape(-1, 3073)
    raw = raw[:STEPS * BATCH]
    mean, std = (torch.tensor([float(v) for v in metadata[key].split()]).view(1, 3, 1, 1)
                 for key in ('mean', 'std'))
    pixels = torch.from_numpy(raw[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32)) / 255
    return (pixels - mean) / std, torch.from_numpy(raw[:, 0].astype(np.int64))


def train(tensors, images, labels, dtype, layout):
    model = ResNet20()
    model.load_state_dict(tensors, strict=False)
    model = model.to(dtype).to(memory_format=layout).train()
    images = images.to(dtype).contiguous(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    losses = []
    for x, y in zip(images.split(BATCH), labels.split(BATCH)):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def train_hush(program, weights, folder):
    with tempfile.TemporaryDirectory() as place:
        metrics = os.path.join(place, 'metrics.jsonl')
        subprocess.run([program, '--from', weights, '--dataset', 'cifar10', '--data',
                        os.path.dirname(os.path.abspath(folder)), '--model', 'resnet20',
                        '--no-augment', '--no-shuffle', '--batch', str(BATCH), '--max-steps',
                        str(STEPS), '--schedule', 'constant', '--lr', '0.01', '--momentum', '0.9',
                        '--weight-decay', '5e-4', '--log-steps', '--no-eval', '--json', metrics,
                        '--out', os.path.join(place, 'model.safetensors')],
                       check=True, stdout=subprocess.DEVNULL)
        with open(metrics, encoding='utf-8') as file:
            lines = [json.loads(line) for line in file]
    return [line['loss'] for line in lines if 'step' in line and 'loss' in line][:STEPS]


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    weights, folder = sys.argv[1:3]
    program = sys.argv[3] if len(sys.argv) == 4 else './apps/pretrain'
    torch.set_num_threads(2)
    tensors, metadata = read_safetensors(weights)
    images, labels = read_images(folder, metadata)
    exact = train(tensors, images, labels, torch.float64, torch.contiguous_format)
    columns = [train_hush(program, weights, folder)]
    for layout in (torch.contiguous_format, torch.channels_last):
        columns.append(train(tensors, images, labels, torch.float32, layout))
    print('| step | PyTorch, float64 | Hush | off by | PyTorch, float32, off by | channels last |')
    print('| --- | --- | --- | --- | --- | --- |')
    for step, reference in enumerate(exact):
        off = [abs(column[step] - reference) / reference for column in columns]
        print(f'| {step + 1} | {reference:.9f} | {columns[0][step]:.9f} | {off[0]:.0e} '
              f'| {off[1]:.0e} | {off[2]:.0e} |')


main()
