#!/usr/bin/env python3
"""One process with N threads beside N MPI processes with one thread each, on the same batches.

usage: ranks.py [--model resnet18] [--batch 64] [--ranks 2] [--steps 6] [--rounds 3] [--losses] [PRETRAIN_OPTION...]
Runs ./apps/pretrain on CIFAR-10 in turn, so that a machine whose speed drifts slows all alike, and
prints the median seconds of a step (the first is left out) and the efficiency: the one process's time
over the others'. With --losses it prints the loss of each step instead, from one round, and how far
the others are from the one process, relatively.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

MPIRUN = ['mpirun', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'none']


def run(options, ranks, extra):
    """The step lines of one run."""
    launch = MPIRUN + ['-n', str(ranks)] if ranks > 1 else []
    threads = 1 if ranks > 1 else options.ranks
    with tempfile.TemporaryDirectory() as place:
        metrics = os.path.join(place, 'metrics.jsonl')
        subprocess.run(launch + ['./apps/pretrain', '--dataset', 'cifar10', '--model', options.model,
                                 '--batch', str(options.batch), '--max-steps', str(options.steps),
                                 '--threads', str(threads), '--no-eval', '--log-steps', '--json',
                                 metrics, '--out', os.path.join(place, 'm.safetensors'), *extra],
                       check=True, stdout=subprocess.DEVNULL)
        with open(metrics, encoding='utf-8') as file:
            return [line for line in map(json.loads, file) if 'loss' in line]


def show_times(options, cases):
    times = {name: [] for name, _, _ in cases}
    for _ in range(options.rounds):
        for name, ranks, extra in cases:
            times[name].append(statistics.median(
                line['seconds'] for line in run(options, ranks, extra)[1:]))
    alone = times[cases[0][0]]
    print('| | s a step | efficiency |\n| --- | --- | --- |')
    for name, _, _ in cases:
        efficiency = statistics.median(a / b for a, b in zip(alone, times[name]))
        print(f'| {name} | {statistics.median(times[name]):.3f} | {100 * efficiency:.1f} % |')


def show_losses(options, cases):
    losses = [[line['loss'] for line in run(options, ranks, extra)] for _, ranks, extra in cases]
    names = [name for name, _, _ in cases]
    print('| step | ' + ' | '.join([names[0]] + [f'{name} | off by' for name in names[1:]]) + ' |')
    print('| --- ' * (2 * len(names)) + '|')
    for step, row in enumerate(zip(*losses)):
        others = ''.join(f' {loss:.9f} | {abs(loss - row[0]) / row[0]:.0e} |' for loss in row[1:])
        print(f'| {step + 1} | {row[0]:.9f} |{others}')


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--model', default='resnet18')
    for name, value in (('batch', 64), ('ranks', 2), ('steps', 6), ('rounds', 3)):
        parser.add_argument('--' + name, type=int, default=value)
    parser.add_argument('--losses', action='store_true')
    options, extra = parser.parse_known_args()
    n = options.ranks
    cases = [(f'one process, {n} threads', 1, extra),
             (f'{n} ranks, synchronised batch norm', n, ['--sync-batch-norm', *extra])]
    if options.losses:
        show_losses(options, cases)
        return
    cases[1:1] = [(f'{n} ranks', n, extra), (f'{n} ranks, no overlap', n, ['--no-overlap', *extra])]
    show_times(options, cases)


sys.exit(main())
