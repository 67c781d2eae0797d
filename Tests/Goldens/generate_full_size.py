#!/usr/bin/env python3
"""Writes `full-size/*.safetensors`: what PyTorch computes, in Double, for the catalog's networks at full size.

    VENV/bin/python Tests/Goldens/generate_full_size.py        (VENV as for generate.py, and torchvision)

The weights of such a network are too large to keep: both sides draw them from the same counter-based stream, and of
each gradient the file has projections. README.md beside this file says what is in the files. Prints how far PyTorch's
own float32 is from its Double.
"""

import copy
import pathlib
import sys

if not {"-h", "--help"}.isdisjoint(sys.argv):
    sys.exit(print(__doc__))

import numpy
import reference
import timm
import torch
import torchvision
from safetensors.torch import save_file

BATCH, PROJECTIONS = 4, 16
# Rounding can flip a ReLU, and then a gradient is another. From these seeds PyTorch's own float32 stays close to its
# Double, from weights that are up to 1e-6 apart too: as far as Winograd's algorithm rounds.
SEEDS = {"resnet18": 4, "resnet50": 3, "resnet152": 3, "wrn28-10": 3, "pyramidnet272-200": 1}
USUAL_SEED = 7
LARGEST_ROUNDING = 2e-4
TEST = 7  # RandomPurpose.test
PIXELS, SIGNS = 1 << 20, 1 << 21  # indices of streams that no tensor has
# Builder, side of the images for logits, for gradients, classes. Among the 40 million ReLUs of ResNet-50 at 224 pixels
# there is always one that flips; smaller images have fewer.
MODELS = {
    "resnet18": (reference.resnet18_cifar, 32, 32, 10),
    "resnet101-cifar": (lambda: small_stem(torchvision.models.resnet101(num_classes=10)), 32, 16, 10),
    "resnet18-imagenet": (torchvision.models.resnet18, 224, 64, 1000),
    "resnet34": (torchvision.models.resnet34, 224, 64, 1000),
    "resnet50": (torchvision.models.resnet50, 224, 64, 1000),
    "resnet101": (torchvision.models.resnet101, 224, 64, 1000),
    "resnet152": (torchvision.models.resnet152, 224, 64, 1000),
    "wrn16-4": (lambda: reference.WideResNet(16, 4), 32, 16, 10),
    "wrn28-10": (reference.WideResNet, 32, 16, 10),
    "pyramidnet110-48": (lambda: reference.PyramidNet(110, 48), 32, 16, 10),
    "pyramidnet110-84": (lambda: reference.PyramidNet(110, 84), 32, 16, 10),
    "pyramidnet110-270": (lambda: reference.PyramidNet(110, 270), 32, 16, 10),
    "pyramidnet272-200": (lambda: reference.PyramidNet(272, 200, bottleneck=True), 32, 8, 10),
    "vit": (reference.small_vit, 32, 32, 10),
    "vit-ti16": (lambda: timm.create_model("vit_tiny_patch16_224"), 224, 224, 1000),
    "vit-s16": (lambda: timm.create_model("vit_small_patch16_224"), 224, 224, 1000),
    "vit-b16": (lambda: timm.create_model("vit_base_patch16_224"), 224, 224, 1000),
    "vit-ti32": (lambda: reference.small_vit(224, 32, classes=1000), 224, 224, 1000),
    "vit-s32": (lambda: timm.create_model("vit_small_patch32_224"), 224, 224, 1000),
    "vit-b32": (lambda: timm.create_model("vit_base_patch32_224"), 224, 224, 1000),
    "vit-s16-bigvision": (reference.BigVisionViT, 224, 224, 1000),
}


def small_stem(model):
    """torchvision's network in its CIFAR form."""
    model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    model.maxpool = torch.nn.Identity()
    return model


def words(seed, index, count):
    """The first `count` words of RandomStream(seed: seed, purpose: .test, index: index): Philox4x32-10."""
    blocks = (count + 3) // 4
    mask = numpy.uint64(0xFFFFFFFF)
    a = numpy.arange(blocks, dtype=numpy.uint64)
    b = numpy.full(blocks, index, numpy.uint64)
    c = numpy.zeros(blocks, numpy.uint64)
    d = numpy.full(blocks, TEST, numpy.uint64)
    low, high = numpy.uint64(seed), numpy.uint64(0)
    half = numpy.uint64(32)
    for _ in range(10):
        first, second = numpy.uint64(0xD2511F53) * a, numpy.uint64(0xCD9E8D57) * c
        a, b, c, d = (second >> half) ^ b ^ low, second & mask, (first >> half) ^ d ^ high, first & mask
        low, high = (low + numpy.uint64(0x9E3779B9)) & mask, (high + numpy.uint64(0xBB67AE85)) & mask
    return numpy.stack([a, b, c, d], 1).reshape(-1)[:count].astype(numpy.uint32)


def fill(seed, index, count, base, spread):
    """base + spread·u, u uniform on [-1, 1) with 24 bits, in float32."""
    uniform = (words(seed, index, count) >> numpy.uint32(8)).astype(numpy.float32) * numpy.float32(2.0**-24)
    return numpy.float32(base) + numpy.float32(spread) * (2 * uniform - numpy.float32(1))


def start(name, value, last, is_normalized):
    """Base and spread of a tensor at the start: nothing is zero or one, signals keep their size through the depth."""
    if name.endswith("running_mean"):
        return 0, 0.1
    if name.endswith("running_var"):
        return 1.5, 0.5
    if name == "cls_token" or name == "pos_embed":
        return 0, 0.1
    if name == "fc.weight":
        return 0, 0.1 * (3 / value.shape[1]) ** 0.5  # its features are all near 2
    if value.dim() > 1:
        fan = value[0].numel()
        is_convolution = value.dim() == 4 and "patch_embed" not in name
        return 0, (3 * (2 if is_convolution else 1) / fan) ** 0.5
    if name.endswith("weight"):
        # The last normalization of a residual branch is small, or rounding would grow from block to block.
        return (0.2, 0.05) if name.endswith(last) else (1, 0.1)
    # Most ReLUs pass, some do not, and few are so near to zero that rounding decides.
    return (2 if is_normalized and name != "fc.bias" else 0), 0.1


def projections(seed, index, gradient):
    """Σ ±gradient for 16 draws of signs: the bits of a stream's words."""
    flat = gradient.double().reshape(-1).numpy()
    bits = words(seed, SIGNS + index, flat.size)
    return torch.tensor([float(numpy.where(bits >> numpy.uint32(k) & 1, flat, -flat).sum())
                         for k in range(PROJECTIONS)], dtype=torch.float64)


def run(model, images, labels):
    with torch.no_grad():
        logits = model.eval()(images[0])
    model.train()
    loss = reference.mean_loss(model, images[1], labels)
    loss.backward()
    return logits, loss.item()


def golden(label, seed):
    """The file's tensors, and PyTorch's float32 against them: logits, and the worst gradient with its name."""
    build, *sides, classes = MODELS[label]
    model = build()
    state = reference.published_tensors(model)
    # The last normalization of a residual branch.
    last = "." + max((name.rsplit(".", 2)[-2] for name in state if ".bn" in name), default="bn2") + ".weight"
    tensors = {"seed": torch.tensor([seed]), "sides": torch.tensor(sides)}
    with torch.no_grad():
        for index, (name, value) in enumerate(state.items()):
            base, spread = start(name, value, last, "bn1.weight" in state)
            value.copy_(torch.from_numpy(fill(seed, index, value.numel(), base, spread)).view_as(value))
            tensors[f"fill/{name}"] = torch.tensor([index, base, spread], dtype=torch.float64)
    images = [torch.from_numpy(fill(seed, PIXELS, BATCH * 3 * side * side, 0, 2)).view(BATCH, 3, side, side)
              for side in sides]
    labels = torch.arange(BATCH) * 3 % classes
    in_float32 = copy.deepcopy(model)
    logits, loss = run(model.double(), [x.double() for x in images], labels)
    tensors |= {"labels": labels, "logits": logits, "loss": torch.tensor([loss], dtype=torch.float64)}
    gradients = {name: p.grad for name, p in model.named_parameters()}
    for index, name in enumerate(state):
        if name in gradients:
            gradient = gradients[name]
            tensors[f"gradient/{name}"] = torch.cat([gradient.norm().reshape(1), projections(seed, index, gradient)])

    floor = 1e-3 * sum(g.square().sum() for g in gradients.values()).sqrt().item()
    worst, apart = (0.0, ""), 0.0
    for scale in (0, 1e-6, 1e-6, 1e-6):
        other = copy.deepcopy(in_float32)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.mul_(1 + scale * (2 * torch.rand_like(parameter) - 1))
        rounded, _ = run(other, images, labels)
        apart = max(apart, (rounded.double() - logits).abs().max().item())
        worst = max(worst, *(
            ((p.grad.double() - gradients[name]).norm().item() / (gradients[name].norm().item() + floor), name)
            for name, p in other.named_parameters()))
    return tensors, apart, worst


def main():
    torch.manual_seed(1)
    folder = pathlib.Path(__file__).parent / "full-size"
    folder.mkdir(exist_ok=True)
    rough = []
    print("| model | logits, apart by rounding | worst gradient, relative in norm |\n|---|---|---|")
    for label in sys.argv[1:] or MODELS:
        tensors, logits, (worst, name) = golden(label, SEEDS.get(label, USUAL_SEED))
        largest = tensors["logits"].abs().max().item()
        print(f"| {label} | {logits:.0e} of {largest:.1f} | {worst:.0e} `{name}` |", flush=True)
        if worst > LARGEST_ROUNDING:
            rough.append(label)
        save_file({name: value.contiguous() for name, value in tensors.items()}, folder / f"{label}.safetensors")
    if rough:
        sys.exit(f"rounding alone decides {', '.join(rough)}: choose another seed")


if __name__ == "__main__":
    main()
