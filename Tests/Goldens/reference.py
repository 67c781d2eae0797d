"""What crsam-dist computes, written down in PyTorch: the models, the loss and one step of every method.

The goldens (generate.py), Benchmarks/parity.py and Benchmarks/peer.py all take it from here.
"""

import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import nn

METHODS = ("sgd", "sam", "crsam-linear", "crsam-log")
OPTIMIZERS = ("sgd", "adamw")

# Below it a logarithm's argument counts as not positive, and its term is left out of the step (in units of the loss).
DIFFERENCE_FLOOR = 1e-6


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.padding = (outputs - inputs) // 2
        self.downsample = None
        if projection and (stride != 1 or inputs != outputs):
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def shortcut(self, x):
        if self.downsample is not None:
            return self.downsample(x)
        # Option A of He et al. 2016, section 4.2: every second pixel, zeros for the channels that are new.
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.padding, self.padding))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """Residual networks for small images: a 3x3 stem, no pooling but the last, torchvision's names."""

    def __init__(self, blocks, widths, projection, channels=3, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.stages = len(widths)
        inputs = widths[0]
        for stage, (count, width) in enumerate(zip(blocks, widths)):
            layer = []
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                layer.append(BasicBlock(inputs, width, stride, projection))
                inputs = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


def cifar_resnet(depth, widths=(16, 32, 64), **options):
    """He et al.'s 6n + 2 layers with zero-padded identity shortcuts."""
    return ResNet([(depth - 2) // 6] * 3, widths, projection=False, **options)


def resnet18_cifar(blocks=(2, 2, 2, 2), widths=(64, 128, 256, 512), **options):
    return ResNet(blocks, widths, projection=True, **options)


def small_vit(image=32, patch=4, dim=192, depth=12, heads=3, channels=3, classes=10):
    return VisionTransformer(img_size=image, patch_size=patch, in_chans=channels, num_classes=classes, embed_dim=dim,
                             depth=depth, num_heads=heads)


class WideBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.convShortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        active = torch.relu(self.bn1(x))
        y = self.conv2(torch.relu(self.bn2(self.conv1(active))))
        return y + (x if self.convShortcut is None else self.convShortcut(active))


class WideStage(nn.Module):
    def __init__(self, inputs, outputs, count, stride):
        super().__init__()
        self.layer = nn.Sequential(*(WideBlock(inputs if index == 0 else outputs, outputs, stride if index == 0 else 1)
                                     for index in range(count)))

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    """Zagoruyko and Komodakis 2016, with the names of the CR-SAM authors' form."""

    def __init__(self, depth=28, widening=10, channels=3, classes=10):
        super().__init__()
        widths = [16, 16 * widening, 32 * widening, 64 * widening]
        count = (depth - 4) // 6
        self.conv1 = nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False)
        self.block1 = WideStage(widths[0], widths[1], count, 1)
        self.block2 = WideStage(widths[1], widths[2], count, 2)
        self.block3 = WideStage(widths[2], widths[3], count, 2)
        self.bn1 = nn.BatchNorm2d(widths[3])
        self.fc = nn.Linear(widths[3], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(torch.relu(self.bn1(x)).mean((2, 3)))


class PyramidBlock(nn.Module):
    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        outputs = width * (4 if bottleneck else 1)
        layers = ([(1, width, 1), (3, width, stride), (1, outputs, 1)] if bottleneck
                  else [(3, width, stride), (3, width, 1)])
        self.bn1 = nn.BatchNorm2d(inputs)
        channels = inputs
        for index, (kernel, wide, step) in enumerate(layers, 1):
            setattr(self, f"conv{index}", nn.Conv2d(channels, wide, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{index + 1}", nn.BatchNorm2d(wide))
            channels = wide
        self.depth, self.stride, self.new = len(layers), stride, outputs - inputs

    def forward(self, x):
        y = self.bn1(x)
        for index in range(1, self.depth + 1):
            y = getattr(self, f"bn{index + 1}")(getattr(self, f"conv{index}")(y))
            if index < self.depth:
                y = torch.relu(y)
        shortcut = F.avg_pool2d(x, 2) if self.stride == 2 else x
        return y + F.pad(shortcut, (0, 0, 0, 0, 0, self.new))


class PyramidNet(nn.Module):
    """Han, Kim and Kim 2017, with the names of the authors' form."""

    def __init__(self, depth, widening, bottleneck=False, channels=3, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        count = (depth - 2) // (9 if bottleneck else 6)
        inputs = 16
        for stage in range(3):
            layer = []
            for block in range(count):
                width = round(16 + widening * (stage * count + block + 1) / (3 * count))
                layer.append(PyramidBlock(inputs, width, 2 if stage > 0 and block == 0 else 1, bottleneck))
                inputs = width * (4 if bottleneck else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
        self.bn_final = nn.BatchNorm2d(inputs)
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.bn1(self.conv1(x)))))
        return self.fc(torch.relu(self.bn_final(x)).mean((2, 3)))


class BigVisionViT(VisionTransformer):
    """big_vision's `vit_s16_i1k`: fixed positions, mean of the tokens, a tanh layer before the head."""

    def __init__(self, image=224, patch=16, dim=384, heads=6, classes=1000):
        super().__init__(img_size=image, patch_size=patch, num_classes=classes, embed_dim=dim, depth=12,
                         num_heads=heads, class_token=False, global_pool="avg", fc_norm=False, pos_embed="none")
        self.pre_logits = nn.Linear(dim, dim)
        side, quarter = image // patch, dim // 4
        frequencies = 10_000.0 ** (-torch.arange(quarter, dtype=torch.float64) / (quarter - 1))
        y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        columns, rows = (place.reshape(-1, 1) * frequencies for place in (x, y))
        table = torch.cat([columns.sin(), columns.cos(), rows.sin(), rows.cos()], 1)
        self.register_buffer("table", table.float(), persistent=False)

    def forward(self, x):
        tokens = self.patch_embed(x) + self.table
        features = self.norm(self.blocks(tokens)).mean(1)
        return self.head(torch.tanh(self.pre_logits(features)))


def published_tensors(model):
    """Parameters and running statistics by their published names; the count of batches is of no use here."""
    return {name: value for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}


def make_optimizer(kind, parameters):
    if kind == "sgd":
        return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4)
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05)


def mean_loss(model, images, targets, smoothing=0.0):
    """Mean cross-entropy. From the logits on in Double: the log form divides by second differences of losses."""
    return F.cross_entropy(model(images).double(), targets, label_smoothing=smoothing)


def gradient(model, loss_of_model):
    """Loss and gradient where the model stands."""
    model.zero_grad(set_to_none=True)
    loss = loss_of_model(model)
    loss.backward()
    return loss.item(), [p.grad for p in model.parameters()]


def set_running_statistics(model, moving):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1 if moving else 0.0


@torch.no_grad()
def move(parameters, origin, scale, direction):
    for p, w, g in zip(parameters, origin, direction):
        torch.add(w, g, alpha=scale, out=p)


def step(model, optimizer, method, loss_of_model, radius=0.1, trace_weight=0.1, norm_weight=0.01):
    """One step of `method` on one batch. Returns L, L+ and L-; None for those that the method has no use for.

    G = g+ + a (g+ + g- - 2 g0) + b (g+ - g-), with a and b over the differences of losses in the log form
    (docs/mathematics.md). BatchNorm uses the batch in all passes; its running statistics move in the first alone.
    """
    parameters = list(model.parameters())
    set_running_statistics(model, True)
    clean, g0 = gradient(model, loss_of_model)
    ascent = descent = None
    if method == "sgd":
        result = g0
    else:
        set_running_statistics(model, False)
        origin = [p.detach().clone() for p in parameters]
        norm = sum(g.double().square().sum() for g in g0).sqrt().item()
        scale = radius / (norm + 1e-12)
        move(parameters, origin, scale, g0)
        ascent, up = gradient(model, loss_of_model)
        if method == "sam":
            result = up
        else:
            move(parameters, origin, -scale, g0)
            descent, down = gradient(model, loss_of_model)
            a, b = trace_weight, norm_weight
            if method == "crsam-log":
                second, first = ascent + descent - 2 * clean, ascent - descent
                a = a / second if second > DIFFERENCE_FLOOR else 0.0
                b = b / first if first > DIFFERENCE_FLOOR else 0.0
            result = [p + a * (p + m - 2 * g) + b * (p - m) for p, m, g in zip(up, down, g0)]
        with torch.no_grad():
            for p, w in zip(parameters, origin):
                p.copy_(w)
    for p, g in zip(parameters, result):
        p.grad = g
    optimizer.step()
    return clean, ascent, descent
