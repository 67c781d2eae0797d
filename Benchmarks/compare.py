#!/usr/bin/env python3
"""crsam-dist's training step against PyTorch's, run in turn on this machine: pairs, their ratios, and a table of them.

    python Benchmarks/compare.py [--rows NAME …] [--pairs 5] [--steps 3] [--json FILE] [--compile]

A row's peer is the fastest that one trial each of PyTorch's variants gives: channels-last or not, and with --compile
also torch.compile. Then both programs run `--pairs` times, one after the other, and the row quotes the median (and the
range) of the pairs' ratios. Nothing else should be running.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Name: (model, precision, batch of a rank, wanted ratio).
ROWS = {
    "resnet18": ("resnet18", "float32", 64, 2.1),
    "resnet18-bf16": ("resnet18", "bfloat16", 64, 1.4),
    "wrn28-10": ("wrn28-10", "float32", 16, 2.0),
    "resnet50": ("resnet50", "float32", 8, 2.2),
    "vit-s16": ("vit-s16", "float32", 8, 2.3),
    "vit-s16-bf16": ("vit-s16", "bfloat16", 8, 1.6),
    "vit-s32": ("vit-s32", "float32", 32, 2.2),
    "vit": ("vit", "float32", 64, 2.0),
}
CONVOLUTIONAL = ("resnet18", "resnet50", "wrn28-10")


def run(command, timeout):
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1",
                       OMPI_MCA_hwloc_base_binding_policy="none", OMPI_MCA_rmaps_base_oversubscribe="1")
    if os.geteuid() == 0:
        environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stderr[-1500:]}")
    return done.stdout


def peer(options, row, variant, steps):
    model, precision, batch, _ = ROWS[row]
    command = [sys.executable, str(ROOT / "Benchmarks" / "peer.py"), "--ranks", str(options.ranks), "--model", model,
               "--method", options.method, "--precision", precision, "--batch-size", str(batch), "--steps", str(steps)]
    return json.loads(run(command + list(variant), options.timeout).splitlines()[-1])


def trainer(options, row, steps):
    model, precision, batch, _ = ROWS[row]
    result = options.work / "bench.json"
    run(["mpirun", "-np", str(options.ranks), str(options.binary), "bench", "step", "--model", model, "--method",
         options.method, "--precision", precision, "--batch-size", str(batch * options.ranks), "--steps", str(steps),
         "--json", str(result)], options.timeout)
    return json.loads(result.read_text())


def best_variant(options, row):
    variants = [()]
    if ROWS[row][0] in CONVOLUTIONAL:
        variants.append(("--channels-last",))
    if options.compile:
        variants += [variant + ("--compile",) for variant in variants]
    if len(variants) == 1:
        return variants[0]
    return max(variants, key=lambda variant: peer(options, row, variant, 1)["samples_per_second"])


def compare(options, row):
    variant = best_variant(options, row)
    ours, theirs = [], []
    for _ in range(options.pairs):
        ours.append(trainer(options, row, options.steps))
        theirs.append(peer(options, row, variant, options.steps))
    rate = "samples_per_second"
    ratios = [a[rate] / b[rate] for a, b in zip(ours, theirs)]
    memory = max(a["peak_resident_bytes_per_rank"] for a in ours) / max(
        b["peak_resident_bytes_per_rank"] for b in theirs)
    return {
        "row": row, "peer_variant": " ".join(variant) or "eager", "wanted": ROWS[row][3],
        "ratio": statistics.median(ratios), "ratio_range": [min(ratios), max(ratios)],
        "samples_per_second": statistics.median(a[rate] for a in ours),
        "peer_samples_per_second": statistics.median(b[rate] for b in theirs),
        "share_of_peak": statistics.median(a["share_of_peak"] for a in ours), "memory_ratio": memory,
        "seconds_to_first_step": statistics.median(a["seconds_to_first_step"] for a in ours),
        "median_step_seconds": statistics.median(a["median_step_seconds"] for a in ours),
        "machine": ours[0].get("machine"),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / ".build" / "release" / "crsam-dist")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--method", choices=["crsam", "sam", "sgd"], default="crsam")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="timed in each run")
    parser.add_argument("--compile", action="store_true", help="try torch.compile as well; needs a C++ compiler")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for one run of either program")
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    misses = 0
    results = []
    print("| row | crsam-dist, images/s | PyTorch, images/s | ratio, median (range) | wanted | share of peak "
          "| memory to PyTorch's | start to first step | holds |\n" + "|---" * 9 + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        options.work = pathlib.Path(folder)
        for row in options.rows:
            try:
                found = compare(options, row)
            except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
                print(f"| {row} | failed | | | | | | | **no** |\n{error}", flush=True)
                misses += 1
                continue
            results.append(found)
            holds = found["ratio"] >= found["wanted"]
            misses += not holds
            low, high = found["ratio_range"]
            print(f"| {row} | {found['samples_per_second']:.1f} | {found['peer_samples_per_second']:.1f} "
                  f"({found['peer_variant']}) | {found['ratio']:.2f} ({low:.2f} to {high:.2f}) | {found['wanted']:.1f} "
                  f"| {100 * found['share_of_peak']:.0f} % | {found['memory_ratio']:.2f} "
                  f"| {found['seconds_to_first_step']:.1f} s | {'yes' if holds else '**no**'} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
