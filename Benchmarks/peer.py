#!/usr/bin/env python3
"""PyTorch's throughput of a training step, data-parallel over gloo: the figure to hold `crsam-dist bench step` against.

    python Benchmarks/peer.py [--ranks 2] [--model resnet18|vit] [--method crsam|sam|sgd] [--batch-size PER_RANK] [--steps N]

One thread a rank, synthetic data, channels-last and not; prints one JSON object with the better of the two. The gradients
of the last pass are combined and averaged by one all-reduce, as crsam-dist does. Needs torch and timm, in a virtual environment.
"""

import argparse
import json
import pathlib
import resource
import statistics
import sys
import time

import torch
import torch.distributed as distributed
import torch.multiprocessing as processes

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Goldens"))
import reference  # noqa: E402

MODELS = {"resnet18": reference.resnet18_cifar, "resnet20": lambda: reference.cifar_resnet(20),
          "vit": reference.small_vit}


def gradients(model, images, labels):
    model.zero_grad(set_to_none=True)
    torch.nn.functional.cross_entropy(model(images), labels).backward()
    return [p.grad for p in model.parameters()]


def step(model, optimizer, method, images, labels, ranks):
    parameters = list(model.parameters())
    with torch.no_grad():
        clean = combined = None
        with torch.enable_grad():
            clean = gradients(model, images, labels)
        combined = clean
        if method != "sgd":
            norm = torch.norm(torch.stack([g.norm() for g in clean]))
            epsilon = [g * (0.1 / (norm + 1e-12)) for g in clean]
            torch._foreach_add_(parameters, epsilon)
            with torch.enable_grad():
                combined = ascent = gradients(model, images, labels)
            if method == "crsam":
                torch._foreach_add_(parameters, epsilon, alpha=-2)
                with torch.enable_grad():
                    descent = gradients(model, images, labels)
                torch._foreach_add_(parameters, epsilon)
                combined = [a + 0.1 * (a + d - 2 * c) + 0.01 * (a - d) for a, d, c in zip(ascent, descent, clean)]
            else:
                torch._foreach_sub_(parameters, epsilon)
        flat = torch.cat([g.reshape(-1) for g in combined])
        distributed.all_reduce(flat)
        flat /= ranks
        offset = 0
        for parameter in parameters:
            parameter.grad = flat[offset:offset + parameter.numel()].view_as(parameter)
            offset += parameter.numel()
    optimizer.step()


def rank_main(rank, options, channels_last, results):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{options.port}", rank=rank,
                                   world_size=options.ranks)
    torch.manual_seed(1)
    model = MODELS[options.model]()
    channels = 1 if options.model == "vit" and model.patch_embed.proj.weight.shape[1] == 1 else 3
    images = torch.randn(options.batch_size, channels, 32, 32)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (options.batch_size,))
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    seconds = []
    for _ in range(options.steps + 2):
        began = time.perf_counter()
        step(model, optimizer, options.method, images, labels, options.ranks)
        seconds.append(time.perf_counter() - began)
    if rank == 0:
        median = statistics.median(seconds[2:])
        results.put({"samples_per_second": options.ranks * options.batch_size / median, "median_step_seconds": median,
                     "peak_resident_bytes_per_rank": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                     "channels_last": channels_last})
    distributed.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--model", choices=MODELS, default="resnet18")
    parser.add_argument("--method", choices=["crsam", "sam", "sgd"], default="crsam")
    parser.add_argument("--batch-size", type=int, default=64, help="of each rank")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--port", type=int, default=29511)
    options = parser.parse_args()
    found = []
    for channels_last in (False, True):
        results = processes.get_context("spawn").SimpleQueue()
        processes.spawn(rank_main, (options, channels_last, results), nprocs=options.ranks)
        found.append(results.get())
        options.port += 1
    print(json.dumps(max(found, key=lambda r: r["samples_per_second"])))


if __name__ == "__main__":
    main()
