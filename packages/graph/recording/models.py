"""The models that exports.py exports, in plain torch: the shapes and module names of the published ones, tiny.

Attention, masks and activations are written as transformers and torchvision write them, since exporters trace exactly that.
"""
import math

import torch
from torch import nn
import torch.nn.functional as F

HIDDEN, HEADS, LAYERS, INNER, VOCABULARY, POSITIONS = 16, 2, 2, 32, 40, 24


def split_heads(x, heads):
    return x.view(x.size(0), x.size(1), heads, x.size(2) // heads).permute(0, 2, 1, 3)


def join_heads(x):
    x = x.permute(0, 2, 1, 3).contiguous()
    return x.view(x.size(0), x.size(1), x.size(2) * x.size(3))


class BertSelfAttention(nn.Module):
    def __init__(self, sdpa):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))
        self.dropout = nn.Dropout(0.1)
        self.sdpa = sdpa

    def forward(self, x, mask):
        q, k, v = (split_heads(part(x), HEADS) for part in (self.query, self.key, self.value))
        if self.sdpa:
            return join_heads(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(HIDDEN // HEADS) + mask
        return join_heads(torch.matmul(self.dropout(nn.functional.softmax(scores, dim=-1)), v))


class BertOutput(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.dense = nn.Linear(inputs, HIDDEN)
        self.LayerNorm = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, residual):
        return self.LayerNorm(self.dropout(self.dense(x)) + residual)


class Named(nn.Module):
    """A module whose only work is to give its children the published names."""

    def __init__(self, /, **children):
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)


class BertLayer(nn.Module):
    def __init__(self, sdpa):
        super().__init__()
        self.attention = Named(self=BertSelfAttention(sdpa), output=BertOutput(HIDDEN))
        self.intermediate = Named(dense=nn.Linear(HIDDEN, INNER))
        self.output = BertOutput(INNER)

    def forward(self, x, mask):
        x = self.attention.output(getattr(self.attention, 'self')(x, mask), x)
        return self.output(F.gelu(self.intermediate.dense(x)), x)


class BertEmbeddings(nn.Module):
    def __init__(self, padding):
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCABULARY, HIDDEN)
        self.position_embeddings = nn.Embedding(POSITIONS, HIDDEN)
        self.token_type_embeddings = nn.Embedding(2, HIDDEN)
        self.LayerNorm = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.padding = padding
        self.register_buffer('position_ids', torch.arange(POSITIONS).expand((1, -1)))

    def forward(self, ids, types):
        if self.padding is None:
            positions = self.position_ids[:, : ids.size(1)]
        else:
            real = ids.ne(self.padding).int()
            positions = (torch.cumsum(real, dim=1).type_as(real) * real).long() + self.padding
        if types is None:
            types = torch.zeros_like(ids)
        x = self.word_embeddings(ids) + self.token_type_embeddings(types)
        return self.LayerNorm(x + self.position_embeddings(positions))


class Bert(nn.Module):
    """modeling_bert.py; with `padding` the positions of XLM-R, with `sdpa` the attention of transformers since 4.40."""

    def __init__(self, padding=None, sdpa=False):
        super().__init__()
        self.sdpa = sdpa
        self.embeddings = BertEmbeddings(padding)
        self.encoder = Named(layer=nn.ModuleList(BertLayer(sdpa) for _ in range(LAYERS)))

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        x = self.embeddings(input_ids, token_type_ids)
        if self.sdpa:
            # modeling_attn_mask_utils.py: _prepare_4d_attention_mask_for_sdpa
            length = input_ids.size(1)
            inverted = 1.0 - attention_mask[:, None, None, :].expand(input_ids.size(0), 1, length, length).to(x.dtype)
            mask = inverted.masked_fill(inverted.to(torch.bool), torch.finfo(x.dtype).min)
        else:
            mask = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for layer in self.encoder.layer:
            x = layer(x, mask)
        return x


class Conv1D(nn.Module):
    """GPT-2's linear layer: weights [in, out]."""

    def __init__(self, outputs, inputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * 0.2)
        self.bias = nn.Parameter(torch.randn(outputs) * 0.1)

    def forward(self, x):
        shape = x.size()[:-1] + (self.weight.size(1),)
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(shape)


class Gpt2Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn, self.c_proj = Conv1D(3 * HIDDEN, HIDDEN), Conv1D(HIDDEN, HIDDEN)
        ones = torch.ones((POSITIONS, POSITIONS), dtype=torch.uint8)
        self.register_buffer('bias', torch.tril(ones).view(1, 1, POSITIONS, POSITIONS).bool())

    def forward(self, x, mask):
        q, k, v = (split_heads(part, HEADS) for part in self.c_attn(x).split(HIDDEN, dim=2))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(v.size(-1))
        length = k.size(-2)
        causal = self.bias[:, :, :length, :length]
        lowest = torch.full([], torch.finfo(scores.dtype).min, dtype=scores.dtype)
        scores = torch.where(causal, scores, lowest) + mask
        return self.c_proj(join_heads(torch.matmul(nn.functional.softmax(scores, dim=-1), v)))


def gelu_new(x):
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class Gpt2Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(HIDDEN), nn.LayerNorm(HIDDEN)
        self.attn = Gpt2Attention()
        self.mlp = Named(c_fc=Conv1D(INNER, HIDDEN), c_proj=Conv1D(HIDDEN, INNER))

    def forward(self, x, mask):
        x = x + self.attn(self.ln_1(x), mask)
        return x + self.mlp.c_proj(gelu_new(self.mlp.c_fc(self.ln_2(x))))


class Gpt2(nn.Module):
    """modeling_gpt2.py with its language-model head, tied to the embeddings."""

    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(VOCABULARY, HIDDEN), nn.Embedding(POSITIONS, HIDDEN)
        self.h = nn.ModuleList(Gpt2Block() for _ in range(LAYERS))
        self.ln_f = nn.LayerNorm(HIDDEN)
        self.lm_head = nn.Linear(HIDDEN, VOCABULARY, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, input_ids, attention_mask):
        positions = torch.arange(0, input_ids.size(1), dtype=torch.long).unsqueeze(0)
        x = self.wte(input_ids) + self.wpe(positions)
        mask = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for block in self.h:
            x = block(x, mask)
        x = self.ln_f(x)
        return x, self.lm_head(x)


class VitLayer(nn.Module):
    def __init__(self, sdpa):
        super().__init__()
        self.layernorm_before, self.layernorm_after = nn.LayerNorm(HIDDEN, eps=1e-12), nn.LayerNorm(HIDDEN, eps=1e-12)
        self.attention = Named(attention=BertSelfAttention(sdpa), output=Named(dense=nn.Linear(HIDDEN, HIDDEN)))
        self.intermediate = Named(dense=nn.Linear(HIDDEN, INNER))
        self.output = Named(dense=nn.Linear(INNER, HIDDEN))

    def forward(self, x):
        y = self.layernorm_before(x)
        x = self.attention.output.dense(self.attention.attention(y, None if self.attention.attention.sdpa else 0.0)) + x
        return self.output.dense(F.gelu(self.intermediate.dense(self.layernorm_after(x)))) + x


class Vit(nn.Module):
    """modeling_vit.py: 16 × 16 images in patches of 4."""

    def __init__(self, sdpa=False):
        super().__init__()
        self.embeddings = Named(projection=nn.Conv2d(3, HIDDEN, kernel_size=4, stride=4))
        self.cls_token = nn.Parameter(torch.randn(1, 1, HIDDEN))
        self.position_embeddings = nn.Parameter(torch.randn(1, 17, HIDDEN))
        self.encoder = Named(layer=nn.ModuleList(VitLayer(sdpa) for _ in range(LAYERS)))
        self.layernorm = nn.LayerNorm(HIDDEN, eps=1e-12)

    def forward(self, pixel_values):
        x = self.embeddings.projection(pixel_values).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(pixel_values.shape[0], -1, -1), x), dim=1) + self.position_embeddings
        for layer in self.encoder.layer:
            x = layer(x)
        return self.layernorm(x)


class PlainNorm(nn.Module):
    """ModernBERT's layer normalisation: no bias."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.1 * torch.randn(HIDDEN))

    def forward(self, x):
        return F.layer_norm(x, (HIDDEN,), self.weight, None, 1e-5)


def rotate_half(x):
    a, b = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return torch.cat((-b, a), dim=-1)


class ModernBertLayer(nn.Module):
    def __init__(self, index, window=4):
        super().__init__()
        self.attn_norm = nn.Identity() if index == 0 else PlainNorm()
        self.attn = Named(Wqkv=nn.Linear(HIDDEN, 3 * HIDDEN, bias=False), Wo=nn.Linear(HIDDEN, HIDDEN, bias=False))
        self.mlp_norm = PlainNorm()
        self.mlp = Named(Wi=nn.Linear(HIDDEN, 2 * INNER, bias=False), Wo=nn.Linear(INNER, HIDDEN, bias=False))
        self.window = None if index % 3 == 0 else window
        theta, size = (160000.0 if index % 3 == 0 else 10000.0), HIDDEN // HEADS
        self.register_buffer('inv_freq', 1.0 / (theta ** (torch.arange(0, size, 2).float() / size)))

    def forward(self, x, positions, mask):
        if self.window is not None:
            distance = (positions[:, :, None] - positions[:, None, :]).abs()
            outside = (distance > self.window // 2)[:, None]
            mask = mask.masked_fill(outside, torch.finfo(x.dtype).min)
        batch, length, _ = x.shape
        qkv = self.attn.Wqkv(self.attn_norm(x)).view(batch, -1, 3, HEADS, HIDDEN // HEADS)
        query, key, value = qkv.transpose(3, 1).unbind(dim=2)
        freqs = (self.inv_freq[None, :, None].to(x.dtype) @ positions[:, None, :].to(x.dtype)).transpose(1, 2)
        angles = torch.cat((freqs, freqs), dim=-1)
        cos, sin = angles.cos().unsqueeze(1), angles.sin().unsqueeze(1)
        query, key = (part * cos + rotate_half(part) * sin for part in (query, key))
        y = F.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).contiguous()
        x = x + self.attn.Wo(y.view(batch, -1, HIDDEN))
        inner, gate = self.mlp.Wi(self.mlp_norm(x)).chunk(2, dim=-1)
        return x + self.mlp.Wo(F.gelu(inner) * gate)


class ModernBert(nn.Module):
    """modeling_modernbert.py: rotary positions, gated feed-forward, every third layer attending to all tokens."""

    def __init__(self):
        super().__init__()
        self.embeddings = Named(tok_embeddings=nn.Embedding(VOCABULARY, HIDDEN), norm=PlainNorm())
        self.layers = nn.ModuleList(ModernBertLayer(index) for index in range(LAYERS))
        self.final_norm = PlainNorm()

    def forward(self, input_ids, attention_mask):
        x = self.embeddings.norm(self.embeddings.tok_embeddings(input_ids))
        length = input_ids.shape[1]
        positions = torch.arange(length).unsqueeze(0)
        inverted = 1.0 - attention_mask[:, None, None, :].expand(input_ids.shape[0], 1, length, length).to(x.dtype)
        mask = inverted.masked_fill(inverted.to(torch.bool), torch.finfo(x.dtype).min)
        for layer in self.layers:
            x = layer(x, positions, mask)
        return self.final_norm(x)


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        outputs = width * 4
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    """torchvision's resnet50 at 1/32 of its width."""

    def __init__(self, width=2):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        inputs = width
        for stage, blocks in enumerate([3, 4, 6, 3]):
            size = width * 2**stage
            layers = []
            for block in range(blocks):
                layers.append(Bottleneck(inputs, size, 2 if stage > 0 and block == 0 else 1))
                inputs = size * 4
            self.add_module(f'layer{stage + 1}', nn.Sequential(*layers))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))

    def forward(self, pixel_values):
        x = self.maxpool(self.relu(self.bn1(self.conv1(pixel_values))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return torch.flatten(self.avgpool(x), 1)


def conv_bn(inputs, outputs, kernel, stride=1, groups=1, activation=True):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if activation else []))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expand):
        super().__init__()
        inner = inputs * expand
        self.residual = stride == 1 and inputs == outputs
        layers = [] if expand == 1 else [conv_bn(inputs, inner, 1)]
        self.conv = nn.Sequential(
            *layers, conv_bn(inner, inner, 3, stride, groups=inner), conv_bn(inner, outputs, 1, activation=False)
        )

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    """torchvision's mobilenet_v2 at 1/8 of its width and 1/16 of its last layer."""

    def __init__(self):
        super().__init__()
        inputs = 4
        features = [conv_bn(3, inputs, 3, 2)]
        for expand, outputs, count, stride in [
            (1, 2, 1, 1), (6, 3, 2, 2), (6, 4, 3, 2), (6, 8, 4, 2), (6, 12, 3, 1), (6, 20, 3, 2), (6, 40, 1, 1),
        ]:
            for index in range(count):
                features.append(InvertedResidual(inputs, outputs, stride if index == 0 else 1, expand))
                inputs = outputs
        self.features = nn.Sequential(*features, conv_bn(inputs, 80, 1))

    def forward(self, pixel_values):
        x = self.features(pixel_values)
        return torch.flatten(nn.functional.adaptive_avg_pool2d(x, (1, 1)), 1)


def randomised(model):
    """Random weights that keep activations near 1 through any depth, and non-trivial norms."""
    for name, parameter in model.named_parameters():
        if parameter.dim() == 4:
            nn.init.kaiming_normal_(parameter, nonlinearity='relu')
        elif parameter.dim() == 2 and 'wpe' not in name and 'c_' not in name:
            nn.init.normal_(parameter, std=1.0 / math.sqrt(parameter.size(1)))
        elif name.endswith('bias'):
            nn.init.normal_(parameter, std=0.1)
    for module in model.modules():
        if isinstance(module, (nn.LayerNorm, nn.BatchNorm2d)):
            nn.init.normal_(module.weight, mean=1.0, std=0.1)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.7, 1.3)
    return model.eval()
