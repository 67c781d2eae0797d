"""Writes OptimizerGoldens.swift: ten steps of PyTorch's optimizers on the quadratic with gradient a*w - b.

    python Tests/OptimizersTests/Goldens/generate.py > Tests/OptimizersTests/Goldens/OptimizerGoldens.swift
    swift format -i Tests/OptimizersTests/Goldens/OptimizerGoldens.swift

Needs torch (2.x). The learning rate of step t is rate * (1 - t/20), so that a momentum buffer which wrongly holds the
rate shows.
"""

import torch

START = [0.5, -1.25, 2.0, -0.75, 0.0, 3.5, -0.001]
CURVATURE = [1.0, 0.5, 3.0, 0.1, 2.0, 0.25, 8.0]
OFFSET = [0.25, 1.0, -0.5, 0.0, 1.5, -2.0, 0.125]
STEPS = 10

CASES = [
    ("SGD plain", torch.optim.SGD, dict(lr=0.05)),
    ("SGD weight decay", torch.optim.SGD, dict(lr=0.05, weight_decay=0.1)),
    ("SGD momentum", torch.optim.SGD, dict(lr=0.05, momentum=0.9, weight_decay=1e-3)),
    ("SGD Nesterov", torch.optim.SGD, dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)),
    ("SGD Nesterov clipped", torch.optim.SGD, dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)),
    ("AdamW", torch.optim.AdamW, dict(lr=0.01, weight_decay=0.01)),
    ("AdamW decayed", torch.optim.AdamW, dict(lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3)),
]


def floats(tensor):
    return "[" + ", ".join(repr(float(x)) for x in tensor) + "]"


def trajectory(name, make, options):
    w = torch.tensor(START, requires_grad=True)
    a, b = torch.tensor(CURVATURE), torch.tensor(OFFSET)
    optimizer = make([w], foreach=False, fused=False, **options)
    kept = {}
    norms = []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = options["lr"] * (1 - step / 20)
        w.grad = (a * w - b).detach()
        if "clipped" in name:
            norms.append(float(torch.nn.utils.clip_grad_norm_([w], 2.0)))
        optimizer.step()
        kept[step + 1] = w.detach().clone()
    saved = optimizer.state[w]
    state = {key: saved[key] for key in ("momentum_buffer", "exp_avg", "exp_avg_sq") if saved.get(key) is not None}
    return kept[1], kept[2], kept[STEPS], norms, state


def main():
    print("// Written by generate.py from PyTorch %s; do not edit." % torch.__version__.split("+")[0])
    print("enum OptimizerGoldens {")
    print("    static let start: [Float] = %s" % floats(torch.tensor(START)))
    print("    static let curvature: [Float] = %s" % floats(torch.tensor(CURVATURE)))
    print("    static let offset: [Float] = %s" % floats(torch.tensor(OFFSET)))
    print("    struct Trajectory {")
    print("        /// Weights after steps 1, 2 and %d." % STEPS)
    print("        var first, second, last: [Float]")
    print("        /// Before clipping at 2; empty where nothing was clipped.")
    print("        var norms: [Double]")
    print("        /// The optimizer's state after the last step.")
    print("        var state: [String: [Float]]")
    print("    }")
    print("    static let trajectories: [String: Trajectory] = [")
    for name, make, options in CASES:
        first, second, last, norms, state = trajectory(name, make, options)
        print('        "%s": Trajectory(' % name)
        print("            first: %s," % floats(first))
        print("            second: %s," % floats(second))
        print("            last: %s," % floats(last))
        print("            norms: [%s]," % ", ".join(map(repr, norms)))
        entries = ", ".join('"%s": %s' % (key, floats(value)) for key, value in state.items())
        print("            state: [%s]" % (entries or ":"))
        print("        ),")
    print("    ]")
    print("}")


main()
