#!/usr/bin/env python3
"""Writes what Pillow, torchvision and timm make of images, which DatasetsTests hold augmentations against.

    python Tests/DatasetsTests/Goldens/augmentations.py        (Pillow, torch, torchvision, timm, numpy)

Into augmentations.txt goes a line for each check: its arguments, and the CRC-32 of what comes out. Policies of
torchvision and timm are run as they are, with RandomStream (generate.py) in the place of their random numbers.
"""
import math
import pathlib
import random
import zlib

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from timm.data import auto_augment, mixup, random_erasing
from torchvision import transforms
from torchvision.transforms import InterpolationMode, v2

from generate import Stream, crc, picture

HERE = pathlib.Path(__file__).resolve().parent
FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
FILL = (124, 116, 104)
SIZES = [(32, 32, 3), (37, 53, 3), (64, 41, 1), (2, 5, 3), (1, 1, 3), (224, 224, 3)]


class Draws(Stream):
    """All kinds of draws of RandomStream."""

    spare = None

    def unit(self):
        return self.uniform(0.0, 1.0)

    def unit24(self):
        return (self.word() >> 8) * 2.0 ** -24

    def normal(self):
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        radius = math.sqrt(-2 * math.log((self.word() + 1.0) * 2.0 ** -32))
        angle = 2 * math.pi * self.word() * 2.0 ** -32
        self.spare = float(np.float32(radius * math.sin(angle)))
        return float(np.float32(radius * math.cos(angle)))


def faint(height, width, channels):
    """A picture of few grey levels."""
    return (picture(height, width, channels) // 3 + 40).astype(np.uint8)


def image_of(pixels):
    return Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])


def posterize(image, bits):
    return image.point(lambda value: 0) if bits == 0 else ImageOps.posterize(image, bits)


def contrast_about(image, factor, grey):
    return Image.blend(Image.new(image.mode, image.size, (grey,) * 3), image, factor)


POINTS = {
    "brightness": (lambda image, x: ImageEnhance.Brightness(image).enhance(x), (0, 0.1, 0.37, 1, 1.6, 1.9)),
    "color": (lambda image, x: ImageEnhance.Color(image).enhance(x), (0, 0.1, 0.37, 1, 1.6, 1.9)),
    "contrast": (lambda image, x: ImageEnhance.Contrast(image).enhance(x), (0, 0.1, 0.37, 1, 1.6, 1.9)),
    "sharpness": (lambda image, x: ImageEnhance.Sharpness(image).enhance(x), (0, 0.1, 0.37, 1, 1.6, 1.9)),
    "posterize": (posterize, (0, 1, 4, 7, 8)),
    "solarize": (ImageOps.solarize, (0, 100.5, 128, 255, 256)),
    "solarizeAdd": (auto_augment.solarize_add, (0, 55, 110)),
    "autoContrast": (lambda image, _: ImageOps.autocontrast(image), (0,)),
    "equalize": (lambda image, _: ImageOps.equalize(image), (0,)),
    "invert": (lambda image, _: ImageOps.invert(image), (0,)),
    "greyscale": (lambda image, _: image.convert("L").convert(image.mode), (0,)),
    "gaussianBlur": (lambda image, x: image.filter(ImageFilter.GaussianBlur(x)), (0.1, 0.5, 0.77, 1, 2, 4.5)),
}
MAPS = {
    "shearX": (auto_augment.shear_x, (-0.3, 0.12, 0.99)),
    "shearY": (auto_augment.shear_y, (-0.3, 0.12, 0.99)),
    "translateX": (auto_augment.translate_x_abs, (-7, 0.5, 11.3)),
    "translateY": (auto_augment.translate_y_abs, (-7, 0.5, 11.3)),
    "rotate": (auto_augment.rotate, (-30, 3.7, 17.5, 90, 135, 180, -0.0)),
}


def operations():
    for height, width, channels in SIZES:
        for kind, pixels in (("picture", picture), ("faint", faint)):
            image = image_of(pixels(height, width, channels))
            size = f"{kind} {height} {width} {channels}"
            for name, (function, values) in POINTS.items():
                for value in values:
                    yield f"operation {name} {value} none {size} {crc(np.array(function(image, value)))}"
        for name, (function, values) in MAPS.items():
            for filter, resample in FILTERS.items():
                for value in values:
                    fill = FILL if channels == 3 else FILL[0]
                    result = function(image_of(picture(height, width, channels)), value, resample=resample,
                                      fillcolor=fill)
                    yield (f"operation {name} {value} {filter} picture {height} {width} {channels} "
                           f"{crc(np.array(result))}")


def with_draws(stream, body):
    """Runs body with the stream's numbers in the place of torch's, Python's and NumPy's."""
    kept = (torch.randint, torch.rand, random.random, random.gauss, random.uniform, random.choice, random.randint,
            np.random.choice, random_erasing._get_pixels)
    torch.randint = lambda high, size, dtype=None: torch.tensor([stream.integer(high) for _ in range(size[0])])
    torch.rand = lambda size: torch.tensor([stream.unit24() for _ in range(size[0])])
    random.random, random.uniform = stream.unit, stream.uniform
    random.gauss = lambda mean, deviation: mean + stream.normal() * deviation
    random.choice = lambda items: items[stream.integer(len(items))]
    random.randint = lambda low, high: low + stream.integer(high - low + 1)
    # Drawn when it is its turn.
    np.random.choice = lambda items, count, replace, p: (items[stream.integer(len(items))] for _ in range(count))

    def pixels(per_pixel, rand_color, size, dtype, device):
        count = size if per_pixel else (size[0], 1, 1)
        draw = stream.normal if per_pixel or rand_color else lambda: 0.0
        return torch.tensor([draw() for _ in range(math.prod(count))], dtype=dtype).reshape(count)

    random_erasing._get_pixels = pixels
    try:
        return body()
    finally:
        (torch.randint, torch.rand, random.random, random.gauss, random.uniform, random.choice, random.randint,
         np.random.choice, random_erasing._get_pixels) = kept


def timm_policy(text, **hparams):
    return auto_augment.rand_augment_transform(text, dict(img_mean=FILL) | hparams)


BIG_VISION = ["AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "Color", "Contrast",
              "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateX", "TranslateY", "Cutout", "SolarizeAdd"]


def big_vision(image, stream, count, magnitude):
    """big_vision's choice, in Pillow's arithmetic."""
    part, grey = magnitude / 10, (128, 128, 128)
    for _ in range(count):
        name = BIG_VISION[stream.integer(16)]
        sign = (lambda value: value if stream.integer(2) == 1 else -value)
        options = dict(resample=Image.NEAREST, fillcolor=grey)
        if name == "Rotate":
            image = auto_augment.rotate(image, sign(part * 30), **options)
        elif name in ("ShearX", "ShearY"):
            image = getattr(auto_augment, f"shear_{name[-1].lower()}")(image, sign(part * 0.3), **options)
        elif name in ("TranslateX", "TranslateY"):
            image = getattr(auto_augment, f"translate_{name[-1].lower()}_abs")(image, sign(part * 100), **options)
        elif name == "Posterize":
            image = posterize(image, min(int(part * 4), 8))
        elif name == "Solarize":
            image = ImageOps.solarize(image, int(part * 256))
        elif name == "SolarizeAdd":
            image = auto_augment.solarize_add(image, int(part * 110))
        elif name == "Contrast":
            image = contrast_about(image, part * 1.8 + 0.1, min(image.width * image.height // 256, 255))
        elif name in ("Color", "Brightness", "Sharpness"):
            image = getattr(ImageEnhance, name)(image).enhance(part * 1.8 + 0.1)
        elif name == "Cutout":
            half = int(part * 40)
            y, x = stream.integer(image.height), stream.integer(image.width)
            pixels = np.array(image)
            pixels[max(0, y - half):y + half, max(0, x - half):x + half] = 128
            image = Image.fromarray(pixels)
        else:
            image = getattr(ImageOps, name.lower())(image)
    return image


def three_augment(image, stream):
    """The choice of DeiT III, with torchvision's jitter."""
    kind = stream.integer(3)
    if kind == 0:
        image = transforms.Grayscale(3)(image)
    elif kind == 1:
        image = ImageOps.solarize(image)
    else:
        image = image.filter(ImageFilter.GaussianBlur(stream.uniform(0.1, 2.0)))
    steps = [(adjust, stream.uniform(0.7, 1.3)) for adjust in (
        transforms.functional.adjust_brightness, transforms.functional.adjust_contrast,
        transforms.functional.adjust_saturation)]
    for last in (2, 1):
        other = stream.integer(last + 1)
        steps[last], steps[other] = steps[other], steps[last]
    for adjust, factor in steps:
        image = adjust(image, factor)
    return image


def policies():
    bilinear = InterpolationMode.BILINEAR
    table = transforms.AutoAugmentPolicy
    plain = {
        "randaugment": transforms.RandAugment(), "randaugment-bilinear": transforms.RandAugment(3, 20, 31, bilinear),
        "trivial": transforms.TrivialAugmentWide(), "trivial-bilinear": transforms.TrivialAugmentWide(31, bilinear),
        "autoaugment-imagenet": transforms.AutoAugment(table.IMAGENET),
        "autoaugment-cifar10": transforms.AutoAugment(table.CIFAR10, InterpolationMode.BICUBIC),
        "autoaugment-svhn": transforms.AutoAugment(table.SVHN),
        "timm-m9-mstd0.5-inc1": timm_policy("rand-m9-mstd0.5-inc1", interpolation=Image.BICUBIC),
        "timm-m7-mstd0.5-mmax8": timm_policy("rand-m7-mstd0.5-mmax8"),
        "timm-m9-mstd101-n3-inc1": timm_policy("rand-m9-mstd101-n3-inc1"),
    }
    # Pillow 13 refuses what its predecessors made black.
    auto_augment.NAME_TO_OP["Posterize"] = auto_augment.NAME_TO_OP["PosterizeIncreasing"] = (
        lambda image, bits, **_: posterize(image, bits))
    for height, width, count in ((32, 32, 30), (53, 37, 12)):
        for index in range(count):
            def line(name, run):
                stream = Draws(9, index)
                image = image_of(picture(height, width))
                result = with_draws(stream, lambda: run(image, stream))
                return f"policy {name} {index} {height} {width} {crc(np.array(result))}"
            for name, policy in plain.items():
                # As their ops are made when the policy is, with the function of that name.
                for op in getattr(policy, "ops", []):
                    op.aug_fn = auto_augment.NAME_TO_OP[op.name]
                yield line(name, lambda image, _: policy(image))
            yield line("big-vision-2-10", lambda image, stream: big_vision(image, stream, 2, 10))
            yield line("big-vision-3-15", lambda image, stream: big_vision(image, stream, 3, 15))
            yield line("three", three_augment)


def erasures():
    for mode in ("const", "rand", "pixel"):
        for name, options in (("timm", {}), ("torchvision", dict(max_area=0.33, max_aspect=3.3))):
            erasing = random_erasing.RandomErasing(0.7, mode=mode, device="cpu", **options)
            for index in range(12):
                planes = torch.from_numpy(picture(30, 21).transpose(2, 0, 1).astype(np.float32) / 64 - 1)
                result = with_draws(Draws(9, index), lambda: erasing(planes))
                yield f"erasing {name} {mode} {index} {zlib.crc32(result.contiguous().numpy().tobytes()):08x}"


def rectangles():
    kept = np.random.randint
    for index in range(16):
        for height, width in ((32, 32), (224, 160), (5, 3)):
            weight = Draws(9, 100 + index).unit()
            stream = Draws(9, index)
            np.random.randint = lambda low, high, size=None: low + stream.integer(high - low)
            (top, bottom, left, right), rest = mixup.cutmix_bbox_and_lam((3, height, width), weight)
            yield f"rectangle timm {index} {height} {width} {top} {left} {bottom - top} {right - left} {rest:.9f}"
            stream = Draws(9, index)
            cut = v2.CutMix(num_classes=2)
            cut._dist.sample = lambda _: torch.tensor(weight, dtype=torch.float64)
            result = with_draws(stream, lambda: cut.make_params([torch.zeros(1, 3, height, width)]))
            left, top, right, bottom = result["box"]
            yield (f"rectangle torchvision {index} {height} {width} {top} {left} {bottom - top} {right - left} "
                   f"{result['lam_adjusted']:.9f}")
    np.random.randint = kept


def main():
    lines = [*operations(), *policies(), *erasures(), *rectangles()]
    (HERE / "augmentations.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
