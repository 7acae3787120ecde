#!/usr/bin/env python3
"""PyTorch's side of `gpu_bench --versus`: a training step of ResNet-18/CIFAR on the GPU.

usage: pytorch_gpu_step.py [BATCH]
channels_last, bf16 by autocast, torch.compile; also fp32 with TF32 as gpu_bench has it. Prints one
line per setting, or one that says what is missing. The batch is on the device, as in gpu_bench.
"""
import statistics
import sys

try:
    import torch
    from torch import nn
except ImportError as error:
    sys.exit(f'PyTorch NOT MEASURED: {error}; pip install torch')
if not torch.cuda.is_available():
    sys.exit(f'PyTorch NOT MEASURED: torch {torch.__version__} sees no CUDA device; it may be built without CUDA')

from pytorch_step import resnet18


def seconds(step, repeats=21):
    times = []
    for _ in range(repeats):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        step()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / 1000)
    return statistics.median(times[1:])


def time_setting(batch, bf16, compiled):
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    model = resnet18().cuda().to(memory_format=torch.channels_last)
    if compiled:
        model = torch.compile(model)
    images = torch.randn(batch, 3, 32, 32, device='cuda').to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,), device='cuda')
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    loss = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast('cuda', torch.bfloat16, enabled=bf16):
            value = loss(model(images), labels)
        value.backward()
        optimizer.step()

    for _ in range(5):  # compiles, and chooses algorithms
        step()
    return seconds(step)


def main():
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    print(f'PyTorch {torch.__version__}, {torch.cuda.get_device_name()}, batch {batch}, channels_last')
    for name, bf16, compiled in (('tf32', False, False), ('tf32, compiled', False, True),
                                 ('bf16', True, False), ('bf16, compiled', True, True)):
        try:
            time = time_setting(batch, bf16, compiled)
            print(f'  {name:<50} {time * 1e6:9.1f} us {batch / time:10.0f} images/s', flush=True)
        except Exception as error:  # a compiler that is not there, say: the others still count
            print(f'  {name:<50} NOT MEASURED: {(str(error).strip() or type(error).__name__).splitlines()[0]}', flush=True)


main()
