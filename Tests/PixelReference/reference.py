#!/usr/bin/env python3
"""Holds what image-transforms makes of a folder's files against Pillow, torchvision and timm (Tests/Checks/pixels).

    python Tests/PixelReference/reference.py IMAGE-TRANSFORMS FOLDER

Transforms of torchvision and timm are run as they are on Pillow's pixels, with RandomStream in the place of their
random numbers (Tests/DatasetsTests/Goldens); what has no counterpart there is replayed from what was drawn. Prints a
row for each transform: images, values that differ, largest difference in levels of 0 to 255 (of normalized images in
the same unit; below a thousandth does not count). A transform fails where a resize differs at all, or else more than
0.1 % of its values or any by more than 1 level, and is not an exception that EXCEPTIONS states.
"""
import pathlib
import subprocess
import sys

import numpy as np
import PIL
import timm
import torch
import torchvision
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from timm.data import auto_augment, random_erasing
from torchvision import transforms
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "DatasetsTests" / "Goldens"))
from augmentations import Draws, big_vision, posterize, three_augment, timm_policy, with_draws  # noqa: E402
from generate import crop_window  # noqa: E402

FILL = (124, 116, 104)
FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE = 224

# Transform: (share of values, levels, cause).
EXCEPTIONS = {
    "decode grey16": (0, 0, "held against the upper 8 bits, as of colour; Pillow's convert clips 16-bit grey at 255"),
}


def blend_about_count(image, factor):
    grey = min(image.width * image.height // 256, 255)
    return Image.blend(Image.new("RGB", image.size, (grey,) * 3), image, factor)


def rectangle(image, top, left, height, width, fill):
    image = image.copy()
    image.paste(fill, (int(left), int(top), int(left + width), int(top + height)))
    return image


OPERATIONS = {
    "identity": lambda image, fill: image,
    "brightness": lambda image, fill, x: ImageEnhance.Brightness(image).enhance(x),
    "color": lambda image, fill, x: ImageEnhance.Color(image).enhance(x),
    "contrast": lambda image, fill, x: ImageEnhance.Contrast(image).enhance(x),
    "contrast-about-count": lambda image, fill, x: blend_about_count(image, x),
    "sharpness": lambda image, fill, x: ImageEnhance.Sharpness(image).enhance(x),
    "posterize": lambda image, fill, x: posterize(image, int(x)),
    "solarize": lambda image, fill, x: ImageOps.solarize(image, x),
    "solarize-add": lambda image, fill, x: auto_augment.solarize_add(image, int(x)),
    "auto-contrast": lambda image, fill: ImageOps.autocontrast(image),
    "equalize": lambda image, fill: ImageOps.equalize(image),
    "invert": lambda image, fill: ImageOps.invert(image),
    "greyscale": lambda image, fill: image.convert("L").convert("RGB"),
    "gaussian-blur": lambda image, fill, x: image.filter(ImageFilter.GaussianBlur(x)),
    "rectangle": lambda image, fill, *window: rectangle(image, *window, fill),
}
for name, value in FILTERS.items():
    OPERATIONS[f"affine-{name}"] = (
        lambda image, fill, *map, value=value: image.transform(image.size, Image.AFFINE, map, value, fillcolor=fill))


def replayed(image, drawn, fill):
    """The operations that a line names."""
    for line in drawn.split("; ") if drawn else []:
        name, *arguments = line.split(" ")
        image = OPERATIONS[name](image, fill, *map(float, arguments))
    return image


def window_of(drawn):
    top, left, height, width = map(int, drawn.split("; ")[0].split(" ")[1:])
    return left, top, left + width, top + height


def random_resized(image, stream, drawn, filter):
    top, left, height, width = crop_window(stream, image.height, image.width)
    box = left, top, left + width, top + height
    if box != window_of(drawn):
        raise ValueError(f"the window is {box}, not {window_of(drawn)}")
    return functional.resized_crop(image, top, left, height, width, [SIDE, SIDE], filter)


def flipped(image, stream):
    return functional.hflip(image) if stream.word() >> 31 == 1 else image


def inception(image, drawn):
    """torch's interpolation of the window without antialias, in float64, and cut to 8 bits.

    Whole numbers stay so. In float32 torch adds in another order than TensorFlow does, and 1.3 % of the values, which
    are whole but for rounding, would be cut to a level less.
    """
    part = torch.from_numpy(np.array(image.crop(window_of(drawn)))).permute(2, 0, 1)[None].double()
    result = torch.nn.functional.interpolate(part, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=False)
    return np.floor(result[0].permute(1, 2, 0).numpy() + 1e-9).astype(np.uint8)


def pad_crop_flip(image, stream):
    top, left = stream.integer(9), stream.integer(9)
    return flipped(functional.crop(functional.pad(image, [4]), top, left, image.height, image.width), stream)


def policies():
    bilinear, bicubic = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC
    table = transforms.AutoAugmentPolicy
    plain = {
        "randaugment": transforms.RandAugment(), "randaugment-bilinear": transforms.RandAugment(3, 20, 31, bilinear),
        "trivial": transforms.TrivialAugmentWide(), "trivial-bilinear": transforms.TrivialAugmentWide(31, bilinear),
        "autoaugment-imagenet": transforms.AutoAugment(table.IMAGENET),
        "autoaugment-imagenet-bilinear": transforms.AutoAugment(table.IMAGENET, bilinear),
        "autoaugment-cifar10": transforms.AutoAugment(table.CIFAR10, bicubic),
        "autoaugment-svhn": transforms.AutoAugment(table.SVHN),
        "randaugment-row": transforms.RandAugment(interpolation=bilinear),
        "timm-m9-mstd0.5-inc1": timm_policy("rand-m9-mstd0.5-inc1", interpolation=Image.BICUBIC),
        "timm-m7-mstd0.5-mmax8": timm_policy("rand-m7-mstd0.5-mmax8"),
        "timm-m9-mstd101-n3-inc1": timm_policy("rand-m9-mstd101-n3-inc1"),
    }
    # Pillow 13 refuses what its predecessors made black.
    for policy in plain.values():
        for op in getattr(policy, "ops", []):
            if op.name.startswith("Posterize"):
                op.aug_fn = lambda image, bits, **_: posterize(image, bits)
    runs = {name: (lambda image, stream, policy=policy: with_draws(stream, lambda: policy(image)))
            for name, policy in plain.items()}
    return runs | {
        "big-vision-2-10": lambda image, stream: big_vision(image, stream, 2, 10),
        "big-vision-3-15": lambda image, stream: big_vision(image, stream, 3, 15), "three": three_augment,
    }


POLICIES = policies()
# The policy of a row of --augment, of images in files; None for the crop and flip alone.
ROWS = {
    "basic": None, "cutout": None, "autoaugment": "autoaugment-imagenet-bilinear", "randaugment": "randaugment-row",
    "randaugment-timm": "timm-m9-mstd0.5-inc1", "randaugment-google": "big-vision-2-10", "trivial": "trivial-bilinear",
    "three": "three", "autoaugment-official": "",
}


def center(image, filter, shorter, side):
    steps = [transforms.Resize(shorter, filter)] if shorter else []
    return transforms.Compose(steps + [transforms.CenterCrop(side)])(image)


def row(name, image, stream, drawn):
    if name == "none":
        return center(image, InterpolationMode.BILINEAR, 256, SIDE)
    if name == "inception":
        turned = drawn.endswith("mirrored")
        return inception(image, drawn)[:, ::-1] if turned else inception(image, drawn)
    image = flipped(random_resized(image, stream, drawn, InterpolationMode.BILINEAR), stream)
    if name == "autoaugment-official":
        return replayed(image, "; ".join(drawn.split("; ")[2:]), (0, 0, 0))
    return POLICIES[ROWS[name]](image, stream) if ROWS[name] else image


def expected_image(transform, image, stream, drawn):
    kind, *arguments = transform.split(" ")
    if kind == "decode":
        return image
    if kind == "resize":
        filter, height, width = arguments
        return image.resize((int(width), int(height)), FILTERS[filter])
    if kind == "random-resized":
        return random_resized(image, stream, drawn, InterpolationMode(arguments[0]))
    if kind == "center":
        return center(image, InterpolationMode(arguments[0]), int(arguments[1]), int(arguments[2]))
    if kind == "flip":
        return flipped(image, stream)
    if kind == "pad-crop-flip":
        return pad_crop_flip(image, stream)
    if kind == "inception":
        return inception(image, drawn)
    if kind == "operation":
        return replayed(image, drawn, FILL)
    if kind == "policy":
        if arguments[0] == "autoaugment-official":
            return replayed(image, drawn, (0, 0, 0))
        return POLICIES[arguments[0]](image, stream)
    if kind == "row":
        return row(arguments[0], image, stream, drawn)
    raise ValueError(f"no reference for '{transform}'")


def normalized(image):
    return functional.normalize(functional.to_tensor(center(image, InterpolationMode.BILINEAR, 256, SIDE)), MEAN,
                                DEVIATION)


def cut_out(planes, stream):
    """The CR-SAM authors' with a square of 112 in 0.7 of the images."""
    if stream.unit() <= 0.7:
        top, left = stream.integer(SIDE) - 56, stream.integer(SIDE) - 56
        planes[:, max(0, top):top + 112, max(0, left):left + 112] = 0
    return planes


def expected_planes(transform, image, previous, stream, drawn):
    kind, *arguments = transform.split(" ")
    planes = normalized(image)
    if kind == "erasing":
        options = {} if arguments[0] == "timm" else dict(max_area=0.33, max_aspect=3.3)
        erasing = random_erasing.RandomErasing(0.7, mode=arguments[1], device="cpu", **options)
        return with_draws(stream, lambda: erasing(planes))
    if kind == "cutout":
        return cut_out(planes, stream)
    if kind in ("mixup", "cutmix"):
        weight, *window = drawn.removeprefix("weight ").split(" ")
        if kind == "mixup":
            return planes * float(weight) + previous * (1 - float(weight))
        top, left, height, width = map(int, window[1:])
        planes[:, top:top + height, left:left + width] = previous[:, top:top + height, left:left + width]
        return planes
    if kind == "normalize":
        return planes
    raise ValueError(f"no reference for '{transform}'")


class Comparison:
    def __init__(self):
        self.images = self.values = self.differing = 0
        self.largest, self.worst, self.unlike = 0.0, "", 0

    def add(self, result, expected, where):
        self.images += 1
        if result.shape != expected.shape:
            self.unlike += 1
            self.worst = self.worst or f"{where}: {result.shape}, not {expected.shape}"
            return
        difference = np.abs(result.astype(np.float64) - expected)
        if result.dtype == np.float32:
            difference *= 255 * np.array(DEVIATION)[:, None, None]
        self.values += result.size
        self.differing += int((difference > 1e-3).sum())
        if difference.max() > max(self.largest, 1e-3):
            self.largest, self.worst = float(difference.max()), where

    def verdict(self, name):
        exact = name.startswith("resize")
        share, levels, cause = EXCEPTIONS.get(name, (0 if exact else 1e-3, 0 if exact else 1, ""))
        holds = not self.unlike and self.differing <= share * self.values and self.largest <= levels
        if not holds:
            return "FAILED", f"worst: {self.worst}"
        return ("exception", cause) if cause else ("ok", "")


def decoded(path):
    image = Image.open(path)
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.array(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


def records(program, folder):
    with subprocess.Popen([program, folder], stdout=subprocess.PIPE) as process:
        while line := process.stdout.readline():
            file, transform, height, width, channels, kind, index, drawn = line.decode().rstrip("\n").split("\t")
            shape = int(height), int(width), int(channels)
            count = int(np.prod(shape)) * np.dtype(kind).itemsize
            data = process.stdout.read(count)
            if len(data) != count:
                raise ValueError(f"{file} {transform}: {len(data)} of {count} bytes")
            values = np.frombuffer(data, kind)
            shape = shape if kind == "uint8" else (shape[2], shape[0], shape[1])
            yield file, transform, values.reshape(shape), int(index), drawn
    if process.returncode:
        raise ValueError(f"{program} ended with {process.returncode}")


def main():
    if len(sys.argv) != 3 or "-h" in sys.argv:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    table, file, image, pictures, previous = {}, None, None, 0, torch.zeros(3, SIDE, SIDE)
    for name, transform, values, index, drawn in records(program, folder):
        if name != file:
            if image is not None:
                previous = normalized(image)
            file, pictures = name, pictures + 1
            image = decoded(folder / name)
        if transform == "error":
            values, expected = np.zeros((0, 0, 3), np.uint8), np.array(image)
            transform = "decode"
        elif values.dtype == np.uint8:
            expected = np.array(expected_image(transform, image, Draws(9, index), drawn))
        else:
            expected = expected_planes(transform, image, previous, Draws(9, index), drawn).numpy()
        if transform == "decode":
            stem = name.removesuffix(".JPEG").split("-", 1)[1]
            transform += " " + (stem.rsplit("-", 1)[0] if stem.startswith("png-") or name.startswith("png") else stem)
            # Later transforms begin with the same pixels on both sides.
            if values.shape == expected.shape and values.size:
                image = Image.fromarray(values)
        table.setdefault(transform, Comparison()).add(values, expected, f"{name}, {drawn}")
    failed = 0
    print(f"{pictures} images; Pillow {PIL.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}"
          f", torch {torch.__version__}\n")
    print("| transform | images | values that differ | largest, levels | verdict |\n|---|---|---|---|---|")
    for name, found in table.items():
        verdict, remark = found.verdict(name)
        failed += verdict == "FAILED"
        share = "0" if not found.differing else f"{100 * found.differing / found.values:.2g} %"
        print(f"| {name} | {found.images} | {share} | {found.largest:.3g} | "
              f"{verdict}{': ' + remark if remark else ''} |")
    print(f"\n{len(table) - failed} held, {failed} failed")
    sys.exit(1 if failed or not table else 0)


if __name__ == "__main__":
    main()
