#!/usr/bin/env python3
"""Trains the same networks with crsam-dist and with PyTorch, from the same weights on the same batch, and compares.

    python Benchmarks/parity.py [--binary PATH] [--ranks N] [--models …] [--methods …] [--optimizers …]

The data set is a CIFAR-10 binary folder of exactly one batch, so that every order of the samples gives the same batch
and ten epochs are ten steps.

Where a bound is missed, the same run in Double, by PyTorch, reports how far rounding alone leads a float32 run astray:
its own float32 run's distance from it, and the furthest of that run and `--scatter` others whose initial weights differ
in the last bit. Where that is more than half a bound, two correct programs can miss each other by the bound; such a row
holds when crsam-dist is no further from the Double run than twice the furthest, and says `by rounding`. The status is 1
when a row does not hold or a run fails.
"""

import argparse
import copy
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

if not {"-h", "--help"}.isdisjoint(sys.argv) and importlib.util.find_spec("torch") is None:
    sys.exit(print(__doc__))  # what follows needs more than Python

import numpy
import timm.layers
import torch
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "Goldens"))
import reference  # noqa: E402

STEPS = 10
LOSS_BOUND = 1e-4
TENSOR_BOUND = 1e-3
# Where the last BatchNorm of each residual block starts. From 1, a ResNet's ReLUs multiply rounding some thousandfold
# in ten steps; from a fifth (torchvision's zero_init_residual starts from 0) they hardly do.
RESIDUAL_SCALE = 0.2
MEAN = (0.4914, 0.4822, 0.4465)
DEVIATION = (0.2470, 0.2435, 0.2616)

# Name in the catalog of crsam-dist: (builder, the published number of parameters for RGB and 10 classes).
# And a batch over which rounding is small enough and PyTorch's Double run still takes minutes, not hours.
MODELS = {
    "resnet20": (lambda: reference.cifar_resnet(20), 269_722, 128),
    "resnet18": (reference.resnet18_cifar, 11_173_962, 32),
    "vit": (reference.small_vit, 5_362_762, 16),
}
FLAGS = {
    "sgd": ["--method", "sgd"],
    "sam": ["--method", "sam", "--rho", "0.1"],
    "crsam-linear": ["--method", "crsam", "--regularizer", "linear", "--rho", "0.1", "--alpha", "0.1",
                     "--beta", "0.01"],
    "crsam-log": ["--method", "crsam", "--regularizer", "log", "--rho", "0.1", "--alpha", "0.1", "--beta", "0.01"],
}
OPTIMIZER_FLAGS = {
    "sgd": ["--optimizer", "sgd", "--learning-rate", "0.01", "--momentum", "0.9",
            "--weight-decay", "5e-4"],
    "adamw": ["--optimizer", "adamw", "--learning-rate", "1e-3", "--weight-decay", "0.05"],
}


def make_images(count):
    """Noise, as 8-bit images: on smooth images neighbouring pixels cross a ReLU's edge together, and rounding grows."""
    generator = numpy.random.default_rng(7)
    labels = generator.integers(0, 10, count)
    images = 128 + 60 * generator.normal(size=(count, 3, 32, 32))
    return images.clip(0, 255).astype(numpy.uint8), labels.astype(numpy.uint8)


def write_cifar10(folder, images, labels):
    """Five training files and one for the test, as published: a byte of label, then 3072 bytes of pixels, red first."""
    folder.mkdir(parents=True)
    records = numpy.concatenate([labels[:, None], images.reshape(len(images), -1)], 1)
    for number, part in enumerate(numpy.array_split(records, 5), 1):
        (folder / f"data_batch_{number}.bin").write_bytes(part.tobytes())
    (folder / "test_batch.bin").write_bytes(records.tobytes())


def run_pytorch(model, method, optimizer, images, labels):
    model.train()
    update = reference.make_optimizer(optimizer, model.parameters())
    losses = [reference.step(model, update, method, lambda m: reference.mean_loss(m, images, labels))[0]
              for _ in range(STEPS)]
    return numpy.array(losses), reference.published_tensors(model)


def run_trainer(options, folder, model, method, optimizer, weights, data, batch):
    output = folder / "run"
    command = ["mpirun", "--oversubscribe", "-np", str(options.ranks), str(options.binary), "train",
               "--dataset", "cifar10", "--data", str(data), "--model", model, "--init-weights", str(weights),
               "--augment", "none", "--schedule", "constant", "--warmup-epochs", "0", "--epochs", str(STEPS),
               "--batch-size", str(batch), "--m-sharpness", "global", "--label-smoothing", "0",
               "--evaluate-every", str(STEPS), "--convolution", options.convolution, "--seed", "0",
               "--output", str(output)]
    command += FLAGS[method] + OPTIMIZER_FLAGS[optimizer]
    environment = dict(os.environ)
    if os.geteuid() == 0:
        environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=options.timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout[-2000:]}")
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    checkpoints = output / "checkpoints"
    latest = (checkpoints / "latest").read_text().strip()
    return numpy.array([line["loss"] for line in lines]), load_file(checkpoints / latest / "model.safetensors")


@torch.no_grad()
def last_bit_apart(model):
    """In float32, each weight off by about half a unit in its last place: another rounding of the same network."""
    other = copy.deepcopy(model).float()
    for parameter in other.parameters():
        parameter.mul_(1 + 6e-8 * torch.randn_like(parameter))
    return other


def distance(ours, theirs, wanted):
    """Relative distance in norm over all tensors for which `wanted(name)`."""
    names = [name for name in theirs if wanted(name)]
    gap = sum((ours[name].double() - theirs[name].double()).square().sum().item() for name in names)
    norm = sum(theirs[name].double().square().sum().item() for name in names)
    return (gap / norm) ** 0.5 if norm > 0 else 0.0


def is_statistic(name):
    return "running_" in name


def compare(options, model_name, method, optimizer):
    """One row of the table, and whether it holds."""
    build, parameters, batch = MODELS[model_name]
    batch = options.batch_size or batch
    pixels, labels = make_images(batch)
    torch.manual_seed(11)
    model = build()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bn2.weight"):
                parameter.fill_(RESIDUAL_SCALE)
    count = sum(p.numel() for p in model.parameters())
    if parameters is not None and count != parameters:
        raise RuntimeError(f"{model_name} has {count} parameters here and {parameters} as published")
    mean, deviation = (torch.tensor(v, dtype=torch.float64).reshape(1, 3, 1, 1) for v in (MEAN, DEVIATION))
    images = ((torch.from_numpy(pixels).double() / 255 - mean) / deviation).float()
    targets = torch.from_numpy(labels).long()

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_cifar10(folder / "data", pixels, labels)
        save_file({k: v.contiguous() for k, v in reference.published_tensors(model).items()},
                  folder / "initial.safetensors")
        ours, our_tensors = run_trainer(options, folder, model_name, method, optimizer,
                                        folder / "initial.safetensors", folder / "data", batch)
    exact = copy.deepcopy(model).double()
    theirs, their_tensors = run_pytorch(model, method, optimizer, images, targets)

    if len(ours) != STEPS:
        raise RuntimeError(f"metrics.jsonl has {len(ours)} steps, {STEPS} were asked for")
    if set(their_tensors) - set(our_tensors):
        raise RuntimeError(f"model.safetensors lacks {', '.join(sorted(set(their_tensors) - set(our_tensors)))}")

    def gaps(a, b):
        """Worst step's loss, all parameters, all running statistics: two runs' relative distances."""
        return (float((abs(a[0] - b[0]) / abs(b[0])).max()), distance(a[1], b[1], lambda n: not is_statistic(n)),
                distance(a[1], b[1], is_statistic))

    bounds = (LOSS_BOUND, TENSOR_BOUND, TENSOR_BOUND)
    between = gaps((ours, our_tensors), (theirs, their_tensors))
    verdict, to_double = "yes", "– | –"
    if any(gap > bound for gap, bound in zip(between, bounds)) or options.rounding:
        exact_run = run_pytorch(copy.deepcopy(exact), method, optimizer, images.double(), targets)
        mine = gaps((ours, our_tensors), exact_run)
        draws = [gaps((theirs, their_tensors), exact_run)]
        for _ in range(options.scatter):
            draws.append(gaps(run_pytorch(last_bit_apart(exact), method, optimizer, images, targets), exact_run))
        peers = [max(column) for column in zip(*draws)]
        to_double = f"{mine[0]:.1e} | {draws[0][0]:.1e}, at most {peers[0]:.1e}"
        for gap, own, other, bound in zip(between, mine, peers, bounds):
            if gap > bound:
                explained = other > bound / 2 and own <= 2 * other
                verdict = "**no**" if not explained or verdict == "**no**" else "by rounding"
    figures = " | ".join(f"{figure:.1e}" for figure in between)
    row = f"| {model_name} | {method} | {optimizer} | {batch} | {figures} | {to_double} | {verdict} |"
    return row, verdict != "**no**"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / ".build" / "release" / "crsam-dist")
    parser.add_argument("--ranks", type=int, default=1, help="BatchNorm's nets agree on one rank only")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--methods", nargs="+", choices=FLAGS, default=list(FLAGS))
    parser.add_argument("--optimizers", nargs="+", choices=OPTIMIZER_FLAGS, default=list(OPTIMIZER_FLAGS))
    parser.add_argument("--convolution", choices=["auto", "direct"], default="direct",
                        help="auto adds Winograd's rounding, a few times that of direct convolution")
    parser.add_argument("--batch-size", type=int, help="instead of each model's own")
    parser.add_argument("--rounding", action="store_true", help="run PyTorch in Double for rows that hold, too")
    parser.add_argument("--scatter", type=int, default=3, help="PyTorch runs from weights a last bit apart")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for one run of crsam-dist")
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    timm.layers.set_fused_attn(False)

    misses = 0
    print(f"{STEPS} steps, {options.ranks} rank(s). Bounds: losses {LOSS_BOUND:g}, all "
          f"parameters and all running statistics {TENSOR_BOUND:g}, relative.\n")
    print("| model | method | optimizer | batch | loss, worst step | parameters | running statistics "
          "| loss, crsam-dist to Double | loss, PyTorch to Double | holds |\n" + "|---" * 10 + "|")
    for model in options.models:
        for method in options.methods:
            for optimizer in options.optimizers:
                try:
                    row, holds = compare(options, model, method, optimizer)
                except (RuntimeError, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
                    row, holds = f"| {model} | {method} | {optimizer} | failed | | | | | | **no** |", False
                    print(error, file=sys.stderr)
                print(row, flush=True)
                misses += not holds
    print(f"\n{misses} of {len(options.models) * len(options.methods) * len(options.optimizers)} miss a bound.")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
