#!/usr/bin/env python3
"""Writes the goldens that the Swift tests are held against; README.md beside this file says what is in them.

    python -m venv VENV && VENV/bin/pip install torch timm safetensors numpy
    VENV/bin/python Tests/Goldens/generate.py

Prints, for each case, how far rounding alone leads: the largest distance of the ten steps to the same in Double and
to four runs whose initial weights differ in the last bit.
"""

import copy
import pathlib
import sys

if not {"-h", "--help"}.isdisjoint(sys.argv):
    sys.exit(print(__doc__))

import reference
import timm.layers
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

STEPS, BATCH, CLASSES = 10, 16, 10
# File: model, shape of an image, seed. ReLU nets as small as these are rough: from most seeds some case magnifies
# rounding tenfold a step. From these seeds none does, so that a test can tell a wrong formula from another rounding.
MODELS = {
    "resnet8": (lambda: reference.cifar_resnet(8, widths=(8, 16, 32)), (3, 8, 8), 15),
    "resnet18-form": (lambda: reference.resnet18_cifar(blocks=(1, 1, 1, 1), widths=(8, 12, 16, 24)), (3, 10, 10), 26),
    "vit": (lambda: reference.small_vit(image=16, dim=24, depth=2, channels=1), (1, 16, 16), 6),
}
LARGEST_ROUNDING = 1e-5


@torch.no_grad()
def off_the_usual_start(model):
    """Zeros and ones would hide a bias that is lost or a scale that is not applied."""
    for name, value in reference.published_tensors(model).items():
        if name.endswith("running_var"):
            value.mul_(1 + torch.rand_like(value))
        elif value.dim() == 1 or name in ("cls_token", "pos_embed"):
            value.add_(0.1 * torch.randn_like(value))
        elif name in ("fc.weight", "head.weight"):
            # A sure start: the loss is high and curved, its second differences are far above rounding.
            value.mul_(4)


def make_batches(shape):
    pattern = torch.randn(CLASSES, *shape)
    labels = torch.randint(0, CLASSES, (STEPS, BATCH))
    return pattern[labels] + 0.2 * torch.randn(STEPS, BATCH, *shape), labels


def first_batch(model, images, labels):
    """Loss and gradients of the first batch at the initial weights, for hard, smoothed and soft targets."""
    tensors = {}
    trained = copy.deepcopy(model)
    targets = torch.softmax(2 * torch.randn(BATCH, CLASSES), 1)
    for name, target, smoothing in (("hard", labels, 0.0), ("smooth", labels, 0.1), ("soft", targets, 0.0)):
        logits = copy.deepcopy(model)(images).detach().requires_grad_()
        wanted = target.double() if name == "soft" else target
        loss = F.cross_entropy(logits.double(), wanted, label_smoothing=smoothing)
        loss.backward()
        tensors[f"{name}/loss"] = loss.detach().reshape(1)
        tensors[f"{name}/logits-gradient"] = logits.grad
    tensors["soft/targets"] = targets
    tensors["logits"] = logits.detach()
    reference.gradient(trained, lambda m: reference.mean_loss(m, images, labels))
    for name, parameter in trained.named_parameters():
        tensors[f"gradient/{name}"] = parameter.grad
    for name, value in reference.published_tensors(trained).items():
        if "running_" in name:
            tensors[f"statistics/{name}"] = value
    with torch.no_grad():
        tensors["evaluation/logits"] = copy.deepcopy(model).eval()(images)
    return tensors


def train(model, method, optimizer, images, labels):
    model = copy.deepcopy(model).train()
    update = reference.make_optimizer(optimizer, model.parameters())
    losses = [reference.step(model, update, method, lambda m: reference.mean_loss(m, x, y))
              for x, y in zip(images, labels)]
    columns = [None if column[0] is None else torch.tensor(column, dtype=torch.float64) for column in zip(*losses)]
    return columns, reference.published_tensors(model)


def rounding(model, method, optimizer, images, labels, losses, final):
    """Relative distance to runs that round otherwise: losses by step, all tensors, the worst tensor's with its name."""
    apart, whole, worst = torch.zeros(STEPS, dtype=torch.float64), 0.0, (0.0, "")
    for draw in range(5):
        other = copy.deepcopy(model)
        if draw == 0:
            other.double()
        else:
            with torch.no_grad():
                for parameter in other.parameters():
                    parameter.mul_(1 + 6e-8 * torch.randn_like(parameter))
        columns, tensors = train(other, method, optimizer, images.to(next(other.parameters()).dtype), labels)
        apart = torch.maximum(apart, (columns[0] - losses).abs() / losses)
        whole = max(whole, relative(*(torch.cat([v.flatten() for v in t.values()]) for t in (tensors, final))))
        worst = max(worst, *((relative(tensors[name], final[name]), name) for name in final))
    return apart, whole, worst


def relative(a, b):
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    timm.layers.set_fused_attn(False)
    folder = pathlib.Path(__file__).parent
    print("| model | case | loss | all tensors | worst tensor |\n|---|---|---|---|---|")
    rough = []
    for label, (build, shape, seed) in MODELS.items():
        torch.manual_seed(seed)
        model = build()
        off_the_usual_start(model)
        images, labels = make_batches(shape)
        tensors = {"images": images, "labels": labels}
        tensors |= {f"initial/{name}": value.clone() for name, value in reference.published_tensors(model).items()}
        tensors |= first_batch(model, images[0], labels[0])
        for method in reference.METHODS:
            for optimizer in reference.OPTIMIZERS:
                case = f"{method}-{optimizer}"
                columns, final = train(model, method, optimizer, images, labels)
                for name, column in zip(("losses", "ascent", "descent"), columns):
                    if column is not None:
                        tensors[f"{case}/{name}"] = column
                tensors |= {f"{case}/final/{name}": value for name, value in final.items()}

                apart, whole, (worst, at) = rounding(model, method, optimizer, images, labels, columns[0], final)
                print(f"| {label} | {case} | {apart.max():.0e} | {whole:.0e} | {worst:.0e} `{at}` |", flush=True)
                tensors[f"{case}/rounding"] = apart
                if apart.max() > LARGEST_ROUNDING:
                    rough.append(f"{label} {case}")
        save_file({name: value.contiguous() for name, value in tensors.items()}, folder / f"{label}.safetensors")
    if rough:
        sys.exit(f"rounding alone decides {', '.join(rough)}: choose another seed for the model")


if __name__ == "__main__":
    main()
