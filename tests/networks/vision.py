"""Networks that read pictures."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ArticleNet(nn.Module):
    """The network of the article: functional ReLU, one pool module called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 16 * 5 * 5)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


class ArticleTwin(nn.Module):
    """The same network written with one module per operation, as peers need it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.relu1, self.pool1 = nn.ReLU(), nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.relu2, self.pool2 = nn.ReLU(), nn.MaxPool2d(2, 2)
        self.fc1, self.relu3 = nn.Linear(16 * 5 * 5, 120), nn.ReLU()
        self.fc2, self.relu4 = nn.Linear(120, 84), nn.ReLU()
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        x = x.view(-1, 16 * 5 * 5)
        return self.fc3(self.relu4(self.fc2(self.relu3(self.fc1(x)))))


class InPlace(nn.Module):
    """Every way to write into what was just computed: modules, methods, operators, views."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.conv3 = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        y = self.conv2(x)
        y += x
        y.relu_()
        z = self.conv3(y)
        z[:, :4].mul_(0.5)
        F.relu(z, inplace=True)
        return self.fc(z.mean((2, 3)))


class CalledTwice(nn.Module):
    """One convolution and one activation that run twice in a forward."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block, self.act = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU()
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.block(self.stem(x)))
        x = self.act(self.block(x))
        return self.fc(x.mean((2, 3)))


class BasicBlock(nn.Module):
    """Residual block with a projection where the shape changes."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.downsample = nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += self.downsample(x)
        return self.relu(out)


class Residual(nn.Sequential):
    """Two residual blocks, pooled; running statistics are not the initial ones."""

    def __init__(self) -> None:
        super().__init__(
            BasicBlock(3, 8, 1), BasicBlock(8, 12, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5)
        )
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean, 0.0, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)


class Segmentation(nn.Module):
    """One score per class and pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 6, 3, 2, 1), nn.ConvTranspose2d(6, 6, 2, 2)
        self.head = nn.Conv2d(6, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.up(F.relu(self.down(x)))))


class Smooth(nn.Module):
    """GELU and SiLU in the place of ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.gelu = nn.Conv2d(3, 6, 3), nn.GELU()
        self.conv2, self.silu = nn.Conv2d(6, 6, 3), nn.SiLU()
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.silu(self.conv2(self.gelu(self.conv1(x)))).mean((2, 3)))


class ComposedActivation(nn.Module):
    """Activations written out in Python: no single operation to give a rule to."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = x * torch.sigmoid(x)
        x = self.conv2(x)
        x = 0.5 * x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * x**3)))
        return self.fc(x.mean((2, 3)))


class FirstHalf(nn.Module):
    """Returns a view of what it was given."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3]


class WritesThroughView(nn.Module):
    """Writes through the view that a child returned: the whole tensor changes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.part, self.fc = nn.Conv2d(3, 6, 3), FirstHalf(), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        view = self.part(x)
        view.mul_(2.0).relu_()
        return self.fc(x.mean((2, 3)))


class ChildNamedOutput(nn.Module):
    """Children that bear the names of addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.output, self.fc = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.output(F.relu(self.input(x)))).mean((2, 3)))


class ChannelsBehind(nn.Module):
    """Works on `batch height width channel`."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.mix, self.fc = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.patch(x).permute(0, 2, 3, 1))
        x = x + F.relu(self.mix(x))
        return self.fc(x.mean((1, 2)))


class Functional(nn.Module):
    """Parameters but no modules."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(6, 3, 3, 3) * 0.3)
        self.matrix = nn.Parameter(torch.randn(4, 6) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(F.conv2d(x, self.kernel)).mean((2, 3)) @ self.matrix.T


class TinyViT(nn.Module):
    """Vision transformer with a class token and positions."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 12, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 12) * 0.5)
        self.position = nn.Parameter(torch.randn(1, 17, 12) * 0.2)
        self.norm1, self.attn = nn.LayerNorm(12), nn.MultiheadAttention(12, 3, batch_first=True)
        self.norm2, self.mlp = nn.LayerNorm(12), nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        x = x + self.mlp(self.norm2(x))
        return self.head(x[:, 0])


class UNet(nn.Module):
    """Encoder, decoder and skip connections; one score per class and pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.down3 = _twice(3, 6), _twice(6, 8), _twice(8, 12)
        self.up2, self.up1 = nn.ConvTranspose2d(12, 8, 2, 2), nn.ConvTranspose2d(8, 6, 2, 2)
        self.join2, self.join1, self.head = _twice(16, 8), _twice(12, 6), nn.Conv2d(6, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.down1(x)
        middle = self.down2(F.max_pool2d(fine, 2))
        coarse = self.down3(F.max_pool2d(middle, 2))
        middle = self.join2(torch.cat([self.up2(coarse), middle], 1))
        return self.head(self.join1(torch.cat([self.up1(middle), fine], 1)))


def _twice(given: int, made: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(given, made, 3, padding=1), nn.ReLU(), nn.Conv2d(made, made, 3, padding=1), nn.ReLU()
    )
