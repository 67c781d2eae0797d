#!/usr/bin/env python3
"""crsam-dist's training step against PyTorch's, run in turn on this machine: pairs, their ratios, and a table of them.

    python Benchmarks/compare.py [--rows NAME …] [--own NAME …] [--pairs 5] [--steps 3] [--json FILE] [--no-compile]

A row's peer is the fastest of PyTorch's variants (channels-last or not, and where there is a C++ compiler also
torch.compile) by one run of each and another of the two fastest. Then both programs run `--pairs` times, one after the
other, and the row quotes the median (and the range) of the pairs' ratios. Both programs' shares of the matrix-product
peak are in the row, each by the operations of its own graph, a convolution counted as a direct one. A program that
computes the products that PyTorch does, without Winograd's algorithm, can at most be as many times faster as PyTorch's
share goes into 100 %.

A row holds if the ratio, the memory and what else is wanted of that model do: the last column names what does not. A
second table pairs crsam-dist with itself: a CR-SAM and a SAM step against an SGD step, eight ranks against two, threads
against ranks. Nothing else should be running. Exits with 1 if anything misses what is wanted or could not be measured.
"""

import argparse
import json
import math
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Name: (model, precision, batch of a rank, wanted ratio).
ROWS = {
    "resnet18": ("resnet18", "float32", 64, 2.4),
    "resnet18-bf16": ("resnet18", "bfloat16", 64, 1.4),
    "wrn28-10": ("wrn28-10", "float32", 16, 2.9),
    "resnet50": ("resnet50", "float32", 8, 1.8),
    "vit-s16": ("vit-s16", "float32", 8, 1.28),
    "vit-s16-bf16": ("vit-s16", "bfloat16", 8, 1.6),
    "vit-s32": ("vit-s32", "float32", 32, 1.28),
    "vit": ("vit", "float32", 64, 1.2),
}
# Name: (model, what is measured and against what, as (ranks, further flags), the figure, a bound on its ratio).
OWN = {
    "crsam-sgd": ("resnet18", (2, ["--method", "crsam"]), (2, ["--method", "sgd"]), "median_step_seconds",
                  "at most", 3.1),
    "sam-sgd": ("resnet18", (2, ["--method", "sam"]), (2, ["--method", "sgd"]), "median_step_seconds",
                "at most", 2.05),
    "8-ranks": ("resnet18", (8, []), (2, []), "samples_per_second", "at least", 0.9),
    "8-ranks-vit": ("vit", (8, []), (2, []), "samples_per_second", "at least", 0.85),
    "threads": ("resnet18", (1, ["--threads", "2"]), (2, []), "samples_per_second", "at least", 0.9),
}
OWN_BATCH = 128
CONVOLUTIONAL = ("resnet18", "resnet50", "wrn28-10")
OLDEST_PYTORCH = (2, 15)
MEMORY_BOUND = 0.5
# Wanted of single models beside the ratio; of the first step what comes beside a step's own time.
SECONDS_TO_FIRST_STEP = {"resnet18": 2.0}
SHARE_OF_PEAK = {"vit-s16": 0.88, "vit-s32": 0.8, "vit": 0.8}
# A float32 row that is to be faster than PyTorch in another row's precision.
FASTER_THAN_PEER_OF = {"resnet18": "resnet18-bf16"}
# What one program's failure can be; the rest of the table is still worth having.
FAILURES = (RuntimeError, OSError, LookupError, ValueError, TypeError, subprocess.SubprocessError)


def run(command, timeout):
    environment = dict(os.environ, OMPI_MCA_hwloc_base_binding_policy="none", OMPI_MCA_rmaps_base_oversubscribe="1")
    if os.geteuid() == 0:
        environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stderr[-1500:]}")
    for line in done.stderr.splitlines():
        if line.startswith("crsam-dist: warning:"):
            print(line, file=sys.stderr)
    return done.stdout


def peer(options, row, variant, steps):
    model, precision, batch, _ = ROWS[row]
    command = [sys.executable, str(ROOT / "Benchmarks" / "peer.py"), "--ranks", str(options.ranks), "--model", model,
               "--method", options.method, "--precision", precision, "--batch-size", str(batch), "--steps", str(steps)]
    return json.loads(run(command + list(variant), options.timeout).splitlines()[-1])


def bench(options, ranks, model, batch, flags):
    result = options.work / "bench.json"
    run(["mpirun", "-np", str(ranks), str(options.binary), "bench", "step", "--model", model,
         "--batch-size", str(batch), "--steps", str(options.steps), "--json", str(result)] + flags, options.timeout)
    return json.loads(result.read_text())


def trainer(options, row):
    model, precision, batch, _ = ROWS[row]
    return bench(options, options.ranks, model, batch * options.ranks,
                 ["--method", options.method, "--precision", precision])


def best_variant(options, row):
    """The fastest of PyTorch's variants, and those that could not be measured.

    One run of each, and another of the two that were fastest, as a run can be slow by chance.
    """
    variants = [()]
    if ROWS[row][0] in CONVOLUTIONAL:
        variants.append(("--channels-last",))
    compiled = [variant + ("--compile",) for variant in variants]
    left_out = []
    if options.compile:
        variants += compiled
    else:
        left_out += compiled

    rates = {}

    def run_once(variant):
        try:
            rate = peer(options, row, variant, options.steps)["samples_per_second"]
            rates[variant] = max(rate, rates.get(variant, 0))
        except FAILURES as error:
            print(f"PyTorch {' '.join(variant) or 'eager'}: {error}", file=sys.stderr)

    for variant in variants:
        run_once(variant)
    if not rates:
        raise RuntimeError("PyTorch failed in every variant")
    if len(variants) > 1:
        for variant in sorted(rates, key=rates.get)[-2:]:
            run_once(variant)
    left_out += [variant for variant in variants if variant not in rates]
    return max(rates, key=rates.get), left_out


def compare(options, row):
    variant, left_out = best_variant(options, row)
    ours, theirs = [], []
    for _ in range(options.pairs):
        ours.append(trainer(options, row))
        theirs.append(peer(options, row, variant, options.steps))
    rate = "samples_per_second"
    ratios = [a[rate] / b[rate] for a, b in zip(ours, theirs)]
    memory = max(a["peak_resident_bytes_per_rank"] for a in ours) / max(
        b["peak_resident_bytes_per_rank"] for b in theirs)
    return {
        "row": row, "peer_variant": " ".join(variant) or "eager", "pytorch": theirs[0]["pytorch"],
        "peer_variants_left_out": [" ".join(one) for one in left_out], "wanted": ROWS[row][3],
        "ratio": statistics.median(ratios), "ratio_range": [min(ratios), max(ratios)],
        "samples_per_second": statistics.median(a[rate] for a in ours),
        "peer_samples_per_second": statistics.median(b[rate] for b in theirs),
        "share_of_peak": statistics.median(a["share_of_peak"] for a in ours),
        "peer_share_of_peak": statistics.median(
            b["operations_per_second"] / (a["gflops"] * 1e9 / a["share_of_peak"]) for a, b in zip(ours, theirs)),
        "memory_ratio": memory,
        "seconds_to_first_step": statistics.median(a["seconds_to_first_step"] for a in ours),
        "median_step_seconds": statistics.median(a["median_step_seconds"] for a in ours),
        "timed_steps_a_run": options.steps, "pairs": options.pairs, "machine": ours[0].get("machine"),
    }


def misses(found, options):
    """What of a row does not hold, by name."""
    model, precision, _, wanted = ROWS[found["row"]]
    named = {
        "ratio": found["ratio"] < wanted,
        "memory": found["memory_ratio"] > MEMORY_BOUND,
        "PyTorch's version": tuple(map(int, re.findall(r"\d+", found["pytorch"])[:2])) < OLDEST_PYTORCH,
    }
    if options.compile_wanted and found["peer_variants_left_out"]:
        named["PyTorch " + ", ".join(found["peer_variants_left_out"]) + " not measured"] = True
    if precision == "float32":
        preparation = found["seconds_to_first_step"] - found["median_step_seconds"]
        named["first step"] = preparation > SECONDS_TO_FIRST_STEP.get(model, math.inf)
        named["share of peak"] = found["share_of_peak"] < SHARE_OF_PEAK.get(model, 0)
    return [name for name, is_missed in named.items() if is_missed]


def compare_with_itself(options, name):
    model, one, other, figure, sense, bound = OWN[name]
    pairs = [[bench(options, ranks, model, OWN_BATCH, flags)[figure] for ranks, flags in (one, other)]
             for _ in range(options.pairs)]
    ratios = [a / b for a, b in pairs]
    median = statistics.median(ratios)
    return {"row": name, "model": model, "figure": figure, "ratio": median, "ratio_range": [min(ratios), max(ratios)],
            "sense": sense, "bound": bound, "holds": median <= bound if sense == "at most" else median >= bound}


class Results:
    """What was found so far, printed at once and in the JSON file after each row."""

    def __init__(self, options):
        self.options = options
        self.found = {"rows": [], "precisions": [], "own": []}
        self.missed = 0
        # A file that cannot be written is told at once, not after an hour.
        self.save()

    def verdict(self, missed):
        self.missed += bool(missed)
        return "yes" if not missed else f"**no**: {', '.join(missed)}"

    def save(self):
        if self.options.json:
            self.options.json.write_text(json.dumps(self.found, indent=1) + "\n")

    def keep(self, table, found):
        self.found[table].append(found)
        self.save()

    def fail(self, table, name, columns, error):
        self.keep(table, {"row": name, "failed": str(error)})
        print(f"| {name} | failed |{' |' * (columns - 3)} {self.verdict(['failed'])} |\n{error}", flush=True)

    def compare(self, row):
        try:
            found = compare(self.options, row)
        except FAILURES as error:
            return self.fail("rows", row, 10, error)
        found["misses"] = misses(found, self.options)
        self.keep("rows", found)
        low, high = found["ratio_range"]
        print(f"| {row} | {found['samples_per_second']:.1f} | {found['peer_samples_per_second']:.1f} "
              f"({found['peer_variant']}) | {found['ratio']:.2f} ({low:.2f} to {high:.2f}) | {found['wanted']:.1f} "
              f"| {100 * found['share_of_peak']:.0f} % | {100 * found['peer_share_of_peak']:.0f} % "
              f"| {found['memory_ratio']:.2f} | {found['seconds_to_first_step']:.1f} s "
              f"| {self.verdict(found['misses'])} |", flush=True)

    def compare_precisions(self):
        """Rows in float32 against PyTorch's in another precision, where both were measured."""
        rate = {found["row"]: found for found in self.found["rows"] if "failed" not in found}
        for row, other in FASTER_THAN_PEER_OF.items():
            if row in rate and other in rate:
                ours, theirs = rate[row]["samples_per_second"], rate[other]["peer_samples_per_second"]
                missed = [] if ours > theirs else ["rate"]
                self.keep("precisions", {"row": row, "above": other, "holds": not missed})
                print(f"\n{row} at {ours:.1f} images/s is to be above PyTorch's {theirs:.1f} of {other}: "
                      f"{self.verdict(missed)}", flush=True)

    def compare_with_itself(self, name):
        try:
            found = compare_with_itself(self.options, name)
        except FAILURES as error:
            return self.fail("own", name, 6, error)
        self.keep("own", found)
        low, high = found["ratio_range"]
        print(f"| {name} | {found['model']} | {found['figure']} | {found['ratio']:.2f} ({low:.2f} to {high:.2f}) "
              f"| {found['sense']} {found['bound']} | {self.verdict([] if found['holds'] else ['ratio'])} |",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / ".build" / "release" / "crsam-dist")
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), help="against PyTorch; all unless given")
    parser.add_argument("--own", nargs="*", choices=list(OWN),
                        help="against itself; all unless --rows or --own is given")
    parser.add_argument("--method", choices=["crsam", "sam", "sgd"], default="crsam")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="timed in each run")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="do not try torch.compile")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for one run of either program")
    parser.add_argument("--parse-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.parse_only:
        return 0
    options.binary = options.binary.resolve()
    options.compile_wanted = options.compile
    # What torch.compile calls.
    if options.compile and not shutil.which(os.environ.get("CXX", "g++")):
        print("no C++ compiler: torch.compile cannot be measured (apt-get install g++, or --no-compile)",
              file=sys.stderr)
        options.compile = False
    if options.own is None:
        options.own = list(OWN) if options.rows is None else []
    if options.rows is None:
        options.rows = list(ROWS)
    try:
        results = Results(options)
    except OSError as error:
        parser.error(f"--json: {error}")
    with tempfile.TemporaryDirectory() as folder:
        options.work = pathlib.Path(folder)
        if options.rows:
            print("| row | crsam-dist, images/s | PyTorch, images/s | ratio, median (range) | wanted | share of peak "
                  "| PyTorch's | memory to PyTorch's | start to first step | holds |\n" + "|---" * 10 + "|", flush=True)
        for row in options.rows:
            results.compare(row)
        results.compare_precisions()
        if options.own:
            print("\n| against itself | model | figure | ratio, median (range) | bound | holds |\n" + "|---" * 6 + "|",
                  flush=True)
        for name in options.own:
            results.compare_with_itself(name)
    return 1 if results.missed else 0


if __name__ == "__main__":
    sys.exit(main())
