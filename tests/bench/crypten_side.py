#!/usr/bin/env python3
"""The CrypTen side of versus_crypten.py: one of its two parties, in a process of its own.

usage: crypten_side.py      RANK, WORLD_SIZE and RENDEZVOUS in the environment, as CrypTen has them
Party 0 prints one JSON object a case: {"case", "seconds", "online", "rounds", "bytes"}, medians.
"online" leaves out the time in CrypTen's provider of triples, which works in between.
"""
import json
import statistics
import sys
import time
import types

import torch


def import_crypten():
    """CrypTen 0.4.0, which wants parts of PyTorch that 1.13 no longer has; none is used here."""
    for kind in ("Half Float Double Int Long Short Char Byte Bool BFloat16 ComplexFloat "
                 "ComplexDouble QUInt8 QInt8 QInt32").split():
        if not hasattr(torch._C, kind + "StorageBase"):
            setattr(torch._C, kind + "StorageBase", torch._C.StorageBase)
    name = "torch.onnx.symbolic_registry"
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
    import crypten
    return crypten


class ProviderClock:
    """Counts the seconds that are spent on making triples."""

    def __init__(self):
        self.seconds, self.depth = 0.0, 0

    def watch(self, provider):
        for name in ("generate_additive_triple", "square", "generate_binary_triple", "wrap_rng",
                     "B2A_rng"):
            setattr(provider, name, staticmethod(self.timed(getattr(provider, name))))

    def timed(self, function):
        def run(*args, **kwargs):
            begin, self.depth = time.perf_counter(), self.depth + 1
            try:
                return function(*args, **kwargs)
            finally:
                self.depth -= 1
                if self.depth == 0:
                    self.seconds += time.perf_counter() - begin
        return run


class ResNet18:
    """CIFAR's form with batch norm folded; `relus` of its 491,520 activations stay ReLUs."""

    def __init__(self, crypten, secret_weights, relus):
        self.crypten, self.secret = crypten, secret_weights
        torch.manual_seed(1)
        self.convs, self.masks, share = {}, {}, relus / 491_520
        shapes = [("stem", 3, 64, 3)]
        inputs = 64
        for layer, outputs in enumerate((64, 128, 256, 512)):
            for block in range(2):
                shapes += [((layer, block, 1), inputs, outputs, 3),
                           ((layer, block, 2), outputs, outputs, 3)]
                if inputs != outputs:
                    shapes.append(((layer, block, 0), inputs, outputs, 1))
                inputs = outputs
                for i in (1, 2):
                    count = outputs * (32 >> layer) ** 2
                    keep = torch.rand(count) < share
                    self.masks[layer, block, i] = (keep.nonzero().flatten(),
                                                   (~keep).nonzero().flatten())
        for name, c, k, size in shapes:
            self.convs[name] = self.weights(torch.randn(k, c, size, size) /
                                            (c * size * size) ** 0.5)
        self.head = self.weights(torch.randn(512, 10) / 512 ** 0.5)

    def weights(self, values):
        return self.crypten.cryptensor(values) if self.secret else values

    def conv(self, x, name, stride=1):
        w = self.convs[name]
        return x.conv2d(w, stride=stride, padding=w.size(2) // 2)

    def activate(self, x, name):
        relus, polynomials = self.masks[name]
        if len(polynomials) == 0:
            return x.relu()
        flat = x.flatten()
        squares = flat[polynomials]
        squares = squares.square() * 0.1 + squares * 0.5 + 0.2
        if len(relus) == 0:
            return squares.view(x.size())
        y = self.crypten.cat([flat[relus].relu(), squares])
        order = torch.cat([relus, polynomials]).argsort()
        return y[order].view(x.size())

    def __call__(self, x):
        x = self.conv(x, "stem")
        for layer in range(4):
            for block in range(2):
                stride = 2 if layer > 0 and block == 0 else 1
                y = self.activate(self.conv(x, (layer, block, 1), stride), (layer, block, 1))
                y = self.conv(y, (layer, block, 2))
                if stride == 2:
                    x = self.conv(x, (layer, block, 0), stride)
                x = self.activate(x + y, (layer, block, 2))
        return x.mean(dim=[2, 3]).matmul(self.head)


def main():
    torch.set_num_threads(1)
    crypten = import_crypten()
    crypten.init()
    crypten.cfg.communicator.verbose = True
    clock = ProviderClock()
    clock.watch(crypten.mpc.provider.TrustedFirstParty)
    comm = crypten.communicator.get()

    def measure(case, repeats, run):
        totals, online = [], []
        for _ in range(repeats + 1):  # the first warms up
            comm.barrier()
            crypten.reset_communication_stats()
            clock.seconds, begin = 0.0, time.perf_counter()
            run()
            totals.append(time.perf_counter() - begin)
            online.append(totals[-1] - clock.seconds)
        stats = comm.get_communication_stats()
        if comm.get_rank() == 0:
            print(json.dumps({"case": case, "seconds": statistics.median(totals[1:]),
                              "online": statistics.median(online[1:]), "rounds": stats["rounds"],
                              "bytes": stats["bytes"]}), flush=True)

    for count in (1_000, 12_900, 100_000, 491_520):
        x = crypten.cryptensor(torch.randn(count))
        measure(f"relu {count}", 5, x.relu)
        measure(f"square {count}", 5, x.square)
    image = crypten.cryptensor(torch.randn(1, 3, 32, 32))
    for secret, relus in ((True, 12_900), (True, 491_520), (False, 0)):
        network = ResNet18(crypten, secret, relus)
        measure(f"resnet18 {relus} {'shared' if secret else 'public'}", 3, lambda: network(image))


main()
