#!/usr/bin/env python3
"""PyTorch's throughput of a training step, data-parallel over gloo: the figure to hold `crsam-dist bench step` against.

    python Benchmarks/peer.py [--model NAME] [--method crsam|sam|sgd] [--batch-size PER_RANK] [--precision …]
                              [--steps N]

One thread a rank, synthetic data; prints one JSON object. The gradients of the last pass are combined and averaged by
one all-reduce, as crsam-dist does. Needs torch (2.15 counts attention's operations too), torchvision and timm, in a
virtual environment.
"""

import argparse
import contextlib
import importlib.util
import json
import pathlib
import resource
import socket
import statistics
import sys
import time

if not {"-h", "--help"}.isdisjoint(sys.argv) and importlib.util.find_spec("torch") is None:
    sys.exit(print(__doc__))  # what follows needs more than Python

import torch
import torch.distributed as distributed
import torch.multiprocessing as processes
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Goldens"))
import reference  # noqa: E402


def resnet50():
    import torchvision
    return torchvision.models.resnet50()


def vit_small(patch):
    return reference.small_vit(image=224, patch=patch, dim=384, heads=6, classes=1000)


# Name in crsam-dist's catalog: (builder, side of an image, classes).
MODELS = {
    "resnet18": (reference.resnet18_cifar, 32, 10),
    "resnet20": (lambda: reference.cifar_resnet(20), 32, 10),
    "resnet50": (resnet50, 224, 1000),
    "wrn28-10": (reference.WideResNet, 32, 10),
    "vit": (reference.small_vit, 32, 10),
    "vit-s16": (lambda: vit_small(16), 224, 1000),
    "vit-s32": (lambda: vit_small(32), 224, 1000),
}


def gradients(network, parameters, images, labels, precision):
    for parameter in parameters:
        parameter.grad = None
    rounding = torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext()
    with torch.enable_grad():
        with rounding:
            scores = network(images)
        torch.nn.functional.cross_entropy(scores.float(), labels).backward()
    return [p.grad for p in parameters]


@torch.no_grad()
def step(network, parameters, optimizer, options, images, labels):
    def passes():
        return gradients(network, parameters, images, labels, options.precision)

    combined = clean = passes()
    if options.method != "sgd":
        norm = torch.norm(torch.stack([g.norm() for g in clean]))
        epsilon = [g * (0.1 / (norm + 1e-12)) for g in clean]
        torch._foreach_add_(parameters, epsilon)
        combined = ascent = passes()
        if options.method == "crsam":
            torch._foreach_add_(parameters, epsilon, alpha=-2)
            descent = passes()
            torch._foreach_add_(parameters, epsilon)
            combined = [a + 0.1 * (a + d - 2 * c) + 0.01 * (a - d) for a, d, c in zip(ascent, descent, clean)]
        else:
            torch._foreach_sub_(parameters, epsilon)
    flat = torch.cat([g.reshape(-1) for g in combined])
    distributed.all_reduce(flat)
    flat /= options.ranks
    offset = 0
    for parameter in parameters:
        parameter.grad = flat[offset:offset + parameter.numel()].view_as(parameter)
        offset += parameter.numel()
    optimizer.step()


def rank_main(rank, options, port, results):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=options.ranks)
    torch.manual_seed(1)
    build, side, classes = MODELS[options.model]
    model = build()
    images = torch.randn(options.batch_size, 3, side, side)
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (options.batch_size,))
    model.train()
    parameters = list(model.parameters())
    operations = None
    if rank == 0:
        # Of one gradient of one sample; two, as BatchNorm needs more than one.
        with FlopCounterMode(display=False) as counter:
            gradients(model, parameters, images[:2], labels[:2], options.precision)
        operations = counter.get_total_flops() / len(images[:2])
    network = torch.compile(model) if options.compile else model
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9)
    seconds = []
    for _ in range(options.steps + options.warmup):
        began = time.perf_counter()
        step(network, parameters, optimizer, options, images, labels)
        seconds.append(time.perf_counter() - began)
    if rank == 0:
        median = statistics.median(seconds[options.warmup:])
        rate = options.ranks * options.batch_size / median
        evaluations = {"sgd": 1, "sam": 2, "crsam": 3}[options.method]
        results.put({"pytorch": torch.__version__, "samples_per_second": rate, "median_step_seconds": median,
                     "operations_per_second": operations * evaluations * rate,
                     "peak_resident_bytes_per_rank": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})
    distributed.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--model", choices=MODELS, default="resnet18")
    parser.add_argument("--method", choices=["crsam", "sam", "sgd"], default="crsam")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--batch-size", type=int, default=64, help="of each rank")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=1)
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    results = processes.get_context("spawn").SimpleQueue()
    processes.spawn(rank_main, (options, port, results), nprocs=options.ranks)
    print(json.dumps(results.get()))


if __name__ == "__main__":
    main()
