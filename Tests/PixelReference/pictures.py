#!/usr/bin/env python3
"""Makes JPEG files of ImageNet's sizes and kinds, the same bytes for the same Pillow.

    python Tests/PixelReference/pictures.py FOLDER [--count 500] [--start 0] [--others] [--classes N --split NAME]

A picture is seeded: smooth gradients of a few scales, edges of ellipses and stripes, and noise, about 500 x 375. Its
number decides what the file is: mostly 4:4:4 of quality 96 as in ImageNet, else any quality from 30 to 98, 4:2:2 and
4:2:0, grey, CMYK and YCCK, progressive, with restart markers, with optimized tables, turned by EXIF; sizes are odd, and
now and then a pixel wide or very wide. With --others PNG files under a JPEG's name follow: RGB, palette, grey, 16 bits,
alpha. With --classes the files go into FOLDER/SPLIT/nNNNNNNNN, in turn, all of the ordinary kind and of 115 KB on
average: a data set to be read.
"""
import argparse
import functools
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image


def texture(generator, height, width, channels=3, noise=None):
    """uint8, height x width x channels."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width)
    image = np.zeros((height, width, channels), np.float32)
    for scale in (1, 3, 8, 21):
        for _ in range(2):
            down, across, phase = generator.normal(0, scale, 2).tolist() + [generator.uniform(0, 6.28)]
            image += (generator.normal(0, 70 / scale ** 0.8, channels).astype(np.float32)
                      * np.sin(down * y + across * x + phase)[:, :, None])
    for _ in range(generator.integers(3, 12)):
        cy, cx, ry, rx = generator.uniform(0, 1, 2).tolist() + generator.uniform(0.02, 0.35, 2).tolist()
        inside = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
        if generator.random() < 0.3:
            inside &= (y * generator.uniform(20, 120)).astype(int) % 2 == 0
        image[inside] = image[inside] * generator.uniform(0, 0.6) + generator.normal(0, 80, channels)
    strength = generator.choice([1.0, 4.0, 12.0]) if noise is None else noise
    image += generator.normal(0, strength, image.shape)
    return np.clip(image + generator.uniform(60, 190), 0, 255).astype(np.uint8)


def size_of(generator, number):
    if number % 50 == 7:
        return [(1, 300), (333, 1), (1, 1), (33, 500), (2000, 40), (2, 3), (375, 7), (500, 9)][number // 50 % 8]
    if number % 10 < 5:
        return [(375, 500), (333, 500), (500, 375), (500, 333), (500, 500)][number % 5]
    return int(generator.integers(60, 620)), int(generator.integers(60, 620))


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **{"format": "JPEG"} | options)
    return buffer.getvalue()


def jpeg(number):
    """(kind, bytes)."""
    generator = np.random.default_rng(number)
    height, width = size_of(generator, number)
    if number % 7 < 2:
        options = dict(quality=96, subsampling=0)
    else:
        options = dict(quality=int(generator.integers(30, 99)), subsampling=int(generator.integers(0, 3)))
    kind = ["444", "422", "420"][options["subsampling"]]
    if number % 9 == 4:
        options["progressive"] = True
    if number % 9 == 5:
        options["restart_marker_blocks"] = int(generator.integers(1, 20))
    if number % 9 == 6:
        options["optimize"] = True
    if number % 23 == 3:
        exif = Image.Exif()
        exif[0x0112] = int(generator.integers(2, 9))
        options["exif"] = exif
    if number % 11 == 6:
        return "grey", encoded(Image.fromarray(texture(generator, height, width, 1)[:, :, 0]), **options)
    if number % 16 == 9:
        data = encoded(Image.fromarray(texture(generator, height, width, 4), "CMYK"), **options)
        if number % 32 == 25:
            # Adobe's marker says that the same values are Y, Cb, Cr and K.
            place = data.index(b"Adobe") + 11
            return "ycck", data[:place] + b"\2" + data[place + 1:]
        return "cmyk", data
    kind += "-progressive" if "progressive" in options else ""
    return kind, encoded(Image.fromarray(texture(generator, height, width)), **options)


def png16(pixels):
    """A PNG of 16-bit values, height x width x channels, which Pillow does not write."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks)


def others():
    generator = np.random.default_rng(1)
    for number, (height, width) in enumerate([(375, 500), (91, 120), (1, 57)]):
        rgb = texture(generator, height, width)
        alpha = texture(generator, height, width, 1)
        image, grey = Image.fromarray(rgb), Image.fromarray(alpha[:, :, 0])
        plain = dict(format="PNG")
        yield f"rgb-{number}", encoded(image, **plain)
        yield f"palette-{number}", encoded(image.quantize(200), **plain)
        yield f"palette4-{number}", encoded(image.quantize(16), bits=4, **plain)
        yield f"palette-transparent-{number}", encoded(image.quantize(16), transparency=3, **plain)
        yield f"grey-{number}", encoded(grey, **plain)
        yield f"bits-{number}", encoded(grey.convert("1"), **plain)
        yield f"alpha-{number}", encoded(Image.fromarray(np.dstack([rgb, alpha])), **plain)
        yield f"grey-alpha-{number}", encoded(Image.merge("LA", [grey, grey]), **plain)
        wide = rgb.astype(np.uint16) * 256 + generator.integers(0, 256, rgb.shape)
        yield f"rgb16-{number}", png16(wide)
        yield f"grey16-{number}", png16(wide[:, :, :1])
        yield f"rgb16-alpha-{number}", png16(np.dstack([wide, wide[:, :, :1]]))


@functools.cache
def large(number):
    return texture(np.random.default_rng(20_000_000 + number), 700, 700, noise=0)


def ordinary(number):
    """A JPEG as most of ImageNet's: 4:4:4, quality 96, 115 KB on average; a part of one of 40 pictures, with noise."""
    generator = np.random.default_rng(10_000_000 + number)
    height, width = [(375, 500), (333, 500), (500, 375), (375, 500), (500, 500)][number % 5]
    top, left = generator.integers(0, 700 - height), generator.integers(0, 700 - width)
    part = large(int(generator.integers(0, 40)))[top:top + height, left:left + width].astype(np.float32)
    noise = generator.standard_normal(part.shape, np.float32) * np.float32(generator.uniform(1, 6.5))
    image = Image.fromarray(np.clip(part + noise, 0, 255).astype(np.uint8))
    return encoded(image, quality=96, subsampling=0 if number % 4 else 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--others", action="store_true")
    parser.add_argument("--classes", type=int)
    parser.add_argument("--split", default="train")
    chosen = parser.parse_args()
    for number in range(chosen.start, chosen.start + chosen.count):
        if chosen.classes:
            folder = chosen.folder / chosen.split / f"n{number % chosen.classes:08d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number:07d}.JPEG").write_bytes(ordinary(number))
        else:
            chosen.folder.mkdir(parents=True, exist_ok=True)
            kind, data = jpeg(number)
            (chosen.folder / f"{number:04d}-{kind}.JPEG").write_bytes(data)
    for name, data in others() if chosen.others else []:
        (chosen.folder / f"png-{name}.JPEG").write_bytes(data)


if __name__ == "__main__":
    main()
