#!/usr/bin/env python3
"""Prints what LossTests hold mixed targets against: timm's and PyTorch's losses of five scores, and their gradients.

    python Tests/ComputeTests/mixed_losses.py        (torch, timm)
"""
import torch
from timm.data.mixup import mixup_target
from timm.loss import BinaryCrossEntropy, SoftTargetCrossEntropy


def show(name, loss, smoothing):
    scores = torch.tensor([[0.5, -1.25, 3, 0, -0.75]], dtype=torch.float64).repeat(2, 1).requires_grad_()
    # Classes 2 and 4, of which the second has 0.3: the batch's other half is the partner.
    target = mixup_target(torch.tensor([2, 4]), 5, 0.7, smoothing)
    value = loss(scores[:1], target[:1])
    value.backward()
    print(f'("{name}", {smoothing}, {value.item():.9f}, [{", ".join(f"{x:.9f}" for x in scores.grad[0].tolist())}]),')


torch.set_default_dtype(torch.float64)
for smoothing in (0.0, 0.1):
    show("cross-entropy", SoftTargetCrossEntropy(), smoothing)
    show("binary-cross-entropy", BinaryCrossEntropy(smoothing=0), smoothing)
# DeiT III's targets > 0, which timm's threshold is without smoothing.
show("multi-label-cross-entropy", BinaryCrossEntropy(smoothing=0, target_threshold=0.0), 0.0)
