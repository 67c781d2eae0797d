#!/usr/bin/env python3
"""Writes `meta.mat` beside this file, a small one in the form of ILSVRC2012_devkit_t12/data/meta.mat.

    VENV/bin/python Tests/DatasetsTests/Goldens/devkit.py        (VENV with scipy)

IDs are not in the order of the names; the last synset is an inner node of the tree.
"""

import pathlib

import numpy
from scipy.io import savemat

ROWS = [(1, "n03000000", "third, behind", 0), (2, "n01000000", "first, am Anfang", 0), (3, "n02000000", "sécond", 0),
        (4, "n00000001", "inner", 3)]
FIELDS = [(name, object) for name in (
    "ILSVRC2012_ID", "WNID", "words", "num_children", "children", "wordnet_height", "num_train_images")]
synsets = numpy.zeros((len(ROWS), 1), dtype=FIELDS)
for place, (number, wnid, words, children) in enumerate(ROWS):
    synsets[place, 0] = (
        numpy.uint8(number), wnid, words, numpy.uint8(children),
        numpy.arange(1, children + 1, dtype=numpy.uint16) if children else numpy.zeros((0, 0)), numpy.float64(1.5),
        numpy.uint16(1300))
savemat(pathlib.Path(__file__).parent / "meta.mat", {"synsets": synsets}, do_compression=True)
