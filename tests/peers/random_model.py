"""Models of the type llama with made-up weights, as folders of Hugging Face's form."""
import json
import struct

import numpy

BASE = dict(model_type="llama", vocab_size=257, hidden_size=48, intermediate_size=112, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, head_dim=12, max_position_embeddings=256, rms_norm_eps=1e-5,
            rope_theta=10000.0, hidden_act="silu", tie_word_embeddings=True, attention_bias=False)

LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)

VARIANTS = {
    "llama": {},
    "llama, own head, no groups": dict(tie_word_embeddings=False, num_key_value_heads=4),
    "llama, wide heads": dict(head_dim=16),
    "llama with biases": dict(attention_bias=True, mlp_bias=True),
    "llama 3": dict(rope_scaling=LLAMA3, rope_theta=500.0),
    "llama, linear scaling": dict(rope_scaling=dict(rope_type="linear", factor=2.0)),
    "qwen2": dict(model_type="qwen2", num_key_value_heads=1),
    "qwen3": dict(model_type="qwen3", head_dim=16, rope_theta=1e6),
}


def shapes(config):
    """{name: shape} of all tensors."""
    width, head = config["hidden_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    hidden, kind = config["intermediate_size"], config["model_type"]
    found = {"model.embed_tokens.weight": (config["vocab_size"], width), "model.norm.weight": (width,)}
    if not config["tie_word_embeddings"]:
        found["lm_head.weight"] = (config["vocab_size"], width)
    for layer in range(config["num_hidden_layers"]):
        block = f"model.layers.{layer}."
        products = {"self_attn.q_proj": (queries, width), "self_attn.k_proj": (keys, width),
                    "self_attn.v_proj": (keys, width), "self_attn.o_proj": (width, queries),
                    "mlp.gate_proj": (hidden, width), "mlp.up_proj": (hidden, width), "mlp.down_proj": (width, hidden)}
        for name, shape in products.items():
            found[f"{block}{name}.weight"] = shape
            biased = config.get("mlp_bias") if "mlp" in name else config["attention_bias"]
            if biased or kind == "qwen2" and name[-6] in "qkv":
                found[f"{block}{name}.bias"] = shape[:1]
        for name in "input_layernorm", "post_attention_layernorm":
            found[f"{block}{name}.weight"] = (width,)
        if kind == "qwen3":
            found |= {f"{block}self_attn.{name}_norm.weight": (head,) for name in "qk"}
    return found


def write_model(folder, variant, seed=1):
    """config.json and model.safetensors in `folder`. Returns the configuration."""
    config = BASE | VARIANTS[variant]
    random = numpy.random.default_rng(seed)
    header, data = {}, b""
    for name, shape in shapes(config).items():
        values = random.normal(1.0 if "norm" in name else 0.0, 0.15, shape).astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header | {"__metadata__": {"format": "pt"}}).encode()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return config
