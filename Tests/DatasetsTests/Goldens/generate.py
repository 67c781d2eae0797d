#!/usr/bin/env python3
"""Writes what Pillow and torchvision make of images, which DatasetsTests hold the decoder and transforms against.

    python Tests/DatasetsTests/Goldens/generate.py        (Pillow, torchvision, numpy)

Small images of each kind go into images/, and into expected.txt a line for each check: its arguments, and the CRC-32 of
the pixels that come out, rows by columns by channels. Random draws are those of RandomStream (Philox4x32-10), which
both sides compute.
"""
import io
import pathlib
import zlib

import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

HERE = pathlib.Path(__file__).resolve().parent
SIZES = [(64, 64), (37, 53), (100, 75), (9, 200), (480, 3), (1, 1), (224, 224)]
TARGETS = [(32, 32), (64, 64), (224, 224), (7, 100), (1, 1)]
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def picture(height, width, channels=3):
    """Smooth areas and hard edges, by a formula."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(np.int64)
    value = 3 * x + 5 * y + 61 * c + ((x // 9 + y // 7) % 2) * 128 + (x * y >> 4)
    return (value & 255).astype(np.uint8)


def crc(image):
    return f"{zlib.crc32(np.ascontiguousarray(image).tobytes()):08x}"


class Stream:
    """RandomStream(seed, purpose: .test, index)."""

    def __init__(self, seed, index):
        self.key, self.counter, self.words = (seed & 0xFFFFFFFF, seed >> 32), [0, index, 0, 7], []

    def word(self):
        if not self.words:
            a, b, c, d = self.counter
            low, high = self.key
            for _ in range(10):
                first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
                a, b, c, d = (second >> 32) ^ b ^ low, second & 0xFFFFFFFF, (first >> 32) ^ d ^ high, first & 0xFFFFFFFF
                low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
            self.words = [a, b, c, d]
            self.counter[0] += 1
        return self.words.pop(0)

    def uniform(self, low, high):
        first = self.word()
        bits = self.word() << 32 | first
        return low + (high - low) * ((bits >> 11) * 2.0 ** -53)

    def integer(self, bound):
        while True:
            product = self.word() * bound
            if product & 0xFFFFFFFF >= (2 ** 32 - bound) % bound:
                return product >> 32


def crop_window(stream, height, width):
    """torchvision's RandomResizedCrop.get_params with this stream's draws."""

    class Drawn:
        def __init__(self):
            self.value = 0.0

        def uniform_(self, low, high):
            self.value = stream.uniform(float(low), float(high))
            return self

        def item(self):
            return self.value

    kept = torch.empty, torch.randint
    torch.empty = lambda *_, **__: Drawn()
    torch.randint = lambda low, high, size: torch.tensor([low + stream.integer(high - low)])
    # torch.exp and torch.log work in float32 there; ours are in Double.
    kept_exp = torch.exp
    torch.exp = lambda drawn: torch.tensor(np.exp(drawn.value), dtype=torch.float64)
    kept_log, torch.log = torch.log, lambda x: torch.tensor(np.log(np.array(RATIO)), dtype=torch.float64)
    try:
        image = torch.zeros(3, height, width)
        return transforms.RandomResizedCrop.get_params(image, (0.08, 1.0), RATIO)
    finally:
        torch.empty, torch.randint = kept
        torch.exp, torch.log = kept_exp, kept_log


RATIO = (3 / 4, 4 / 3)


def encoded():
    small, odd = picture(48, 64), picture(37, 53)
    grey = picture(40, 40, 1)[:, :, 0]
    rgb = Image.fromarray(odd)
    cmyk = Image.fromarray(picture(33, 41, 4), "CMYK")
    alpha = Image.fromarray(np.dstack([odd, picture(37, 53, 1)]), "RGBA")
    yield "444.jpg", Image.fromarray(small), dict(quality=96, subsampling=0)
    yield "420.jpg", rgb, dict(quality=80, subsampling=2)
    yield "422.jpg", rgb, dict(quality=80, subsampling=1)
    yield "progressive.jpg", rgb, dict(quality=75, progressive=True)
    yield "restart.jpg", rgb, dict(quality=75, restart_marker_blocks=3)
    yield "grey.jpg", Image.fromarray(grey), dict(quality=90)
    yield "cmyk.jpg", cmyk, dict(quality=90)
    yield "rgb.png", rgb, {}
    yield "png-called.JPEG", rgb, dict(format="PNG")
    yield "alpha.png", alpha, {}
    yield "grey.png", Image.fromarray(grey), {}
    yield "palette.png", rgb.quantize(16), dict(bits=4)
    yield "bits.png", Image.fromarray(grey).convert("1"), {}


def main():
    (HERE / "images").mkdir(exist_ok=True)
    lines = []
    for name, image, options in encoded():
        buffer = io.BytesIO()
        image.save(buffer, **{"format": "PNG" if name.endswith("png") else "JPEG"} | options)
        (HERE / "images" / name).write_bytes(buffer.getvalue())
        pixels = np.array(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))
        lines.append(f"decode {name} {pixels.shape[0]} {pixels.shape[1]} {crc(pixels)}")
    for height, width in SIZES:
        for channels in (3, 1):
            pixels = picture(height, width, channels)
            image = Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])
            for filter, value in FILTERS.items():
                for rows, columns in TARGETS:
                    result = image.resize((columns, rows), value)
                    lines.append(f"resize {height} {width} {channels} {filter} {rows} {columns} {crc(result)}")
                    if height > 8 and width > 8:
                        top, left, high, wide = height // 5, width // 7, height // 2, width // 3
                        result = image.crop((left, top, left + wide, top + high)).resize((columns, rows), value)
                        lines.append(f"window {height} {width} {channels} {filter} {rows} {columns} {crc(result)}")
    for height, width in SIZES + [(375, 500), (500, 120), (20, 90)]:
        image = Image.fromarray(picture(height, width))
        for index in range(12):
            top, left, high, wide = crop_window(Stream(5, index), height, width)
            result = image.crop((left, top, left + wide, top + high)).resize((96, 96), Image.BILINEAR)
            lines.append(f"random-resized {height} {width} {index} {top} {left} {high} {wide} {crc(result)}")
        for shorter, side in ((64, 56), (0, 40), (33, 32)):
            steps = [transforms.Resize(shorter, InterpolationMode.BICUBIC)] if shorter else []
            result = transforms.Compose(steps + [transforms.CenterCrop(side)])(image)
            lines.append(f"center {height} {width} {shorter} {side} {crc(result)}")
    (HERE / "expected.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
