#!/usr/bin/env python3
"""The PyTorch side of versus_pytorch.py: times one case in a process of its own.

usage: pytorch_step.py MODEL MODE BATCH LAYOUT REPEATS
MODEL resnet18 | wrn-22-8;  MODE train | infer | frozen;  LAYOUT nchw | nhwc
Prints one JSON object: the median seconds of a step and the process's peak memory in MiB.
"""
import json
import resource
import statistics
import sys
import time

import torch
from torch import nn


def conv3x3(inputs, outputs, stride):
    return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv3x3(outputs, outputs, 1), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.downsample(x))


class PreActivationBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv3x3(inputs, outputs, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), conv3x3(outputs, outputs, 1)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        y = self.relu(self.bn1(x))
        shortcut = self.shortcut(y) if self.shortcut else x
        return self.conv2(self.relu(self.bn2(self.conv1(y)))) + shortcut


def resnet18():
    layers, inputs = [conv3x3(3, 64, 1), nn.BatchNorm2d(64)], 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def wrn22_8():
    layers, inputs = [conv3x3(3, 16, 1)], 16
    for outputs, stride in ((128, 1), (256, 2), (512, 2)):
        layers.append(PreActivationBlock(inputs, outputs, stride))
        layers += [PreActivationBlock(outputs, outputs, 1) for _ in range(2)]
        inputs = outputs
    return nn.Sequential(*layers, nn.BatchNorm2d(512), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(512, 10))


def main():
    name, mode, batch, layout, repeats = sys.argv[1:]
    torch.manual_seed(1)
    torch.set_num_threads(2)
    model = {'resnet18': resnet18, 'wrn-22-8': wrn22_8}[name]()
    images = torch.randn(int(batch), 3, 32, 32)
    if layout == 'nhwc':
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    labels = torch.randint(10, (int(batch),))
    if mode == 'train':
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
        loss = nn.CrossEntropyLoss()

        def step():
            optimizer.zero_grad()
            loss(model(images), labels).backward()
            optimizer.step()
    else:
        model.eval()
        if mode == 'frozen':
            with torch.no_grad():
                model = torch.jit.optimize_for_inference(
                    torch.jit.freeze(torch.jit.trace(model, images)))

        def step():
            with torch.no_grad():
                model(images)
    times = []
    for _ in range(int(repeats) + 1):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({'seconds': statistics.median(times[1:]), 'peak_mib': peak}))


if __name__ == "__main__":
    main()
