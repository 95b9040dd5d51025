#!/usr/bin/env python3
"""Writes what PyTorch makes of a few small models, one folder a model, for reference_test.cpp.

  python3 make_reference.py [FOLDER]             writes config.json and reference.safetensors per model
  python3 make_reference.py --check              compares the models below with Hugging Face's, where it has them

The committed files were written with torch 1.13.0a0 (Debian 12's python3-torch), in f32 on one thread; --check passed
with transformers 4.46.3. Each file holds the weights at the start, the tokens, the loss and every gradient of the first
step, and the mean losses of 20 steps of AdamW.
"""

import json
import math
import os
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

BATCHES, B, T, STEPS = 4, 2, 12, 20
ADAMW = {"lr": 3e-3, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}  # decay: matrices only

GPT2 = {
    "model_type": "gpt2", "vocab_size": 40, "n_positions": 16, "n_embd": 16, "n_layer": 2, "n_head": 2,
    "n_inner": None, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True,
}
LLAMA = {
    "model_type": "llama", "vocab_size": 40, "max_position_embeddings": 16, "hidden_size": 24, "intermediate_size": 36,
    "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4, "hidden_act": "silu",
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
    "tie_word_embeddings": False,
}
QWEN = {key: value for key, value in LLAMA.items() if key not in ("attention_bias", "mlp_bias")}
MODELS = {
    "gpt2": GPT2,
    "gpt2-erf-untied": {**GPT2, "n_layer": 1, "activation_function": "gelu", "n_inner": 50, "tie_word_embeddings": False},
    "llama": LLAMA,
    "llama-3": {
        **LLAMA, "num_hidden_layers": 2, "num_key_value_heads": 2, "rope_theta": 500.0, "tie_word_embeddings": True,
        "rope_scaling": {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 64},
    },
    "llama-biases": {
        **LLAMA, "num_key_value_heads": 1, "attention_bias": True, "mlp_bias": True,
        "rope_scaling": {"rope_type": "linear", "factor": 2.5},
    },
    "qwen2": {**QWEN, "model_type": "qwen2", "num_key_value_heads": 2, "tie_word_embeddings": True,
              "rms_norm_eps": 1e-6},
    "qwen3": {**QWEN, "model_type": "qwen3", "num_key_value_heads": 2, "head_dim": 8, "rope_theta": 1e6,
              "attention_bias": False, "tie_word_embeddings": True, "rms_norm_eps": 1e-6},
}


def causal(q, k, v):
    """q: (B, H, T, D); k and v may have fewer heads, each shared by a group of q's."""
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
    seen = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    out = scores.masked_fill(~seen, float("-inf")).softmax(-1) @ v
    return out.transpose(1, 2).flatten(2)


def split(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


class Transposed(nn.Module):
    """GPT-2's linear layer: the weight is stored (inputs, outputs)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Gpt2(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        width, inner = c["n_embd"], c["n_inner"] or 4 * c["n_embd"]
        block = lambda: nn.ModuleDict({
            "ln_1": nn.LayerNorm(width, eps=c["layer_norm_epsilon"]),
            "attn": nn.ModuleDict({"c_attn": Transposed(width, 3 * width), "c_proj": Transposed(width, width)}),
            "ln_2": nn.LayerNorm(width, eps=c["layer_norm_epsilon"]),
            "mlp": nn.ModuleDict({"c_fc": Transposed(width, inner), "c_proj": Transposed(inner, width)}),
        })
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(c["vocab_size"], width), "wpe": nn.Embedding(c["n_positions"], width),
            "h": nn.ModuleList(block() for _ in range(c["n_layer"])),
            "ln_f": nn.LayerNorm(width, eps=c["layer_norm_epsilon"]),
        })
        if not c["tie_word_embeddings"]:
            self.lm_head = nn.Linear(width, c["vocab_size"], bias=False)

    def forward(self, ids):
        t, heads = self.transformer, self.c["n_head"]
        x = t["wte"](ids) + t["wpe"](torch.arange(ids.shape[1]))
        for h in t["h"]:
            q, k, v = h["attn"]["c_attn"](h["ln_1"](x)).chunk(3, -1)
            x = x + h["attn"]["c_proj"](causal(split(q, heads), split(k, heads), split(v, heads)))
            hidden = h["mlp"]["c_fc"](h["ln_2"](x))
            if self.c["activation_function"] == "gelu":
                hidden = F.gelu(hidden)
            else:
                hidden = 0.5 * hidden * (1 + torch.tanh(math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3)))
            x = x + h["mlp"]["c_proj"](hidden)
        head = t["wte"].weight if self.c["tie_word_embeddings"] else self.lm_head.weight
        return t["ln_f"](x) @ head.T


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.eps = eps

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


def frequencies(c, size):
    plain = 1.0 / (c["rope_theta"] ** (torch.arange(0, size, 2).float() / size))
    scaling = c["rope_scaling"]
    if scaling is None:
        return plain
    if scaling["rope_type"] == "linear":
        return plain / scaling["factor"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    context, wave = scaling["original_max_position_embeddings"], 2 * math.pi / plain
    smooth = (context / wave - low) / (high - low)
    between = (1 - smooth) * plain / scaling["factor"] + smooth * plain
    scaled = torch.where(wave > context / low, plain / scaling["factor"], between)
    return torch.where(wave < context / high, plain, scaled)


def turn(x, angles):
    a, b = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Llama(nn.Module):
    """Llama, Qwen2 and Qwen3."""

    def __init__(self, c):
        super().__init__()
        self.c, kind = c, c["model_type"]
        width, inner, eps = c["hidden_size"], c["intermediate_size"], c["rms_norm_eps"]
        heads, kv = c["num_attention_heads"], c["num_key_value_heads"]
        self.size = size = c.get("head_dim") or width // heads
        both = c.get("attention_bias", False)
        qkv, mlp = both or kind == "qwen2", c.get("mlp_bias", False)

        def attention():
            parts = {"q_proj": nn.Linear(width, heads * size, bias=qkv), "k_proj": nn.Linear(width, kv * size, bias=qkv),
                     "v_proj": nn.Linear(width, kv * size, bias=qkv), "o_proj": nn.Linear(heads * size, width, bias=both)}
            if kind == "qwen3":
                parts.update(q_norm=RmsNorm(size, eps), k_norm=RmsNorm(size, eps))
            return nn.ModuleDict(parts)

        block = lambda: nn.ModuleDict({
            "input_layernorm": RmsNorm(width, eps), "self_attn": attention(),
            "post_attention_layernorm": RmsNorm(width, eps),
            "mlp": nn.ModuleDict({"gate_proj": nn.Linear(width, inner, bias=mlp),
                                  "up_proj": nn.Linear(width, inner, bias=mlp),
                                  "down_proj": nn.Linear(inner, width, bias=mlp)}),
        })
        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(c["vocab_size"], width),
            "layers": nn.ModuleList(block() for _ in range(c["num_hidden_layers"])), "norm": RmsNorm(width, eps),
        })
        if not c["tie_word_embeddings"]:
            self.lm_head = nn.Linear(width, c["vocab_size"], bias=False)

    def forward(self, ids):
        c, m = self.c, self.model
        angles = torch.arange(ids.shape[1]).float()[:, None] * frequencies(c, self.size)
        x = m["embed_tokens"](ids)
        for layer in m["layers"]:
            normed, a = layer["input_layernorm"](x), layer["self_attn"]
            q = split(a["q_proj"](normed), c["num_attention_heads"])
            k, v = (split(a[name](normed), c["num_key_value_heads"]) for name in ("k_proj", "v_proj"))
            if c["model_type"] == "qwen3":
                q, k = a["q_norm"](q), a["k_norm"](k)
            x = x + a["o_proj"](causal(turn(q, angles), turn(k, angles), v))
            normed, mlp = layer["post_attention_layernorm"](x), layer["mlp"]
            x = x + mlp["down_proj"](F.silu(mlp["gate_proj"](normed)) * mlp["up_proj"](normed))
        head = m["embed_tokens"].weight if c["tie_word_embeddings"] else self.lm_head.weight
        return m["norm"](x) @ head.T


def make(config, seed):
    """A model with weights large enough that every part of it matters."""
    generator = torch.Generator().manual_seed(seed)
    model = (Gpt2 if config["model_type"] == "gpt2" else Llama)(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_gain = parameter.dim() == 1 and name.endswith(".weight")
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15 + (1 if is_gain else 0))
    ids = torch.randint(config["vocab_size"], (BATCHES, B, T + 1), generator=generator)
    return model, ids


def mean_loss(model, rows):
    return F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


def train(model, ids):
    """The gradients of the first step and the losses of all of them."""
    decayed = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW([{"params": decayed}, {"params": others, "weight_decay": 0.0}], **ADAMW)
    gradients, losses = {}, []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = mean_loss(model, ids[step % BATCHES])
        loss.backward()
        if step == 0:
            gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
        losses.append(loss.item())
        optimizer.step()
    return gradients, losses


def write_safetensors(path, tensors):
    header, data = {"__metadata__": {"torch": torch.__version__}}, b""
    for name, tensor in tensors.items():
        bytes_ = tensor.detach().float().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write(folder):
    for seed, (name, config) in enumerate(MODELS.items()):
        model, ids = make(config, seed)
        tensors = {key: value.detach().clone() for key, value in model.named_parameters()}
        gradients, losses = train(model, ids)
        tensors.update({"gradient." + key: value for key, value in gradients.items()})
        tensors.update(ids=ids, losses=torch.tensor(losses))
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, name, "config.json"), "w") as file:
            file.write(json.dumps(config, indent=2) + "\n")
        write_safetensors(os.path.join(folder, name, "reference.safetensors"), tensors)
        print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters, loss {losses[0]:.4f} to {losses[-1]:.4f}")


def check():
    import transformers
    print("torch", torch.__version__, "transformers", transformers.__version__)
    for seed, (name, config) in enumerate(MODELS.items()):
        settings = {key: value for key, value in config.items() if key != "model_type"}
        try:
            theirs_config = transformers.AutoConfig.for_model(config["model_type"], **settings)
        except ValueError:
            print(f"{name}: not known to it")
            continue
        ours, ids = make(config, seed)
        theirs = transformers.AutoModelForCausalLM.from_config(theirs_config, attn_implementation="eager").eval()
        unknown = theirs.load_state_dict(ours.state_dict(), strict=False)
        assert not unknown.unexpected_keys, unknown
        assert all("lm_head" in key or "bias" in key and "attn" in key for key in unknown.missing_keys), unknown
        if config["tie_word_embeddings"]:
            theirs.tie_weights()
        difference = (ours(ids[0]) - theirs(ids[0]).logits).abs().max().item()
        print(f"{name}: logits differ by {difference:.2e}")
        assert difference < 1e-4


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:] == ["--check"]:
        check()
    else:
        write(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
