#!/usr/bin/env python3
"""Hush beside PyTorch on the CPU: training steps and inference, in one run.

usage: versus_pytorch.py MODEL_BENCH [ROUNDS]
Each measurement is a process of its own, ours and theirs in turn, so that a machine whose speed
drifts slows both; PyTorch gets the better of its two layouts. Prints a table of medians; the
ratio is PyTorch's time over ours (above 1: Hush is faster), taken round by round.
"""
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = '/usr/bin/python3'  # Debian's, which python3-torch belongs to
#        model       ours     theirs              batch  repeats
CASES = [('resnet18', 'train', ['train'], 64, 3),
         ('resnet18', 'infer', ['infer', 'frozen'], 1, 40),
         ('resnet18', 'infer', ['infer', 'frozen'], 128, 3),
         ('wrn-22-8', 'train', ['train'], 64, 1)]


def run(command):
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.strip().splitlines()[-1])


def main():
    bench = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if subprocess.run([PYTHON, '-c', 'import torch'], capture_output=True).returncode != 0:
        sys.exit('versus_pytorch: PyTorch is missing: apt-get install python3-torch')
    print('| case | Hush s | PyTorch s | ratio | Hush MiB | PyTorch MiB |')
    print('| --- | --- | --- | --- | --- | --- |')
    for model, mode, their_modes, batch, repeats in CASES:
        ours, theirs, ratios = [], [], []
        for _ in range(rounds):
            mine = run([bench, model, mode, str(batch), str(repeats)])
            rivals = [run([PYTHON, os.path.join(HERE, 'pytorch_step.py'), model, their_mode,
                           str(batch), layout, str(repeats)])
                      for their_mode in their_modes for layout in ('nchw', 'nhwc')]
            best = min(rivals, key=lambda rival: rival['seconds'])
            ours.append(mine)
            theirs.append(best)
            ratios.append(best['seconds'] / mine['seconds'])
        median = lambda rows, key: statistics.median(row[key] for row in rows)
        print(f'| {model} {mode}, batch {batch} | {median(ours, "seconds"):.4f} '
              f'| {median(theirs, "seconds"):.4f} | {statistics.median(ratios):.2f} '
              f'| {median(ours, "peak_mib"):.0f} | {median(theirs, "peak_mib"):.0f} |', flush=True)


main()
