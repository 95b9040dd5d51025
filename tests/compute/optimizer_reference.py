"""Writes optimizer_reference.hpp: what PyTorch makes of a few steps of Muon and of a smoothed cross-entropy, beside which
ours are tested.

    python3 optimizer_reference.py > optimizer_reference.hpp

Muon as in github.com/KellerJordan/Muon (2025), written anew: `lerp_`, Nesterov's look ahead, five rounds of
Newton-Schulz, the factor sqrt(max(1, outputs / inputs)), decay before the step. The products are taken in float64, where
the released code takes bfloat16: ours are f32.
"""
import torch

STEPS, LEARNING_RATE, MOMENTUM, DECAY = 3, 0.02, 0.95, 0.01
SHAPES = ((4, 6), (6, 4), (5, 5), (3, 16))  # (outputs, inputs)


def numbers(count, seed):
    """The same in the test: multiples of 1/256 between -1 and 1."""
    values, state = [], seed
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2 ** 32
        values.append(((state >> 16) % 512 - 256) / 256)
    return values


def newton_schulz(update):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = update / (update.norm() + 1e-7)
    tall = x.size(0) > x.size(1)
    x = x.T if tall else x
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


def trained(outputs, inputs, seed):
    count = outputs * inputs
    weights = torch.tensor(numbers(count, seed), dtype=torch.float64).view(outputs, inputs)
    momentum = torch.zeros_like(weights)
    for step in range(STEPS):
        gradient = torch.tensor(numbers(count, seed + 1 + step), dtype=torch.float64).view(outputs, inputs)
        momentum.lerp_(gradient, 1 - MOMENTUM)
        update = newton_schulz(gradient.lerp(momentum, MOMENTUM)) * max(1, outputs / inputs) ** 0.5
        weights.mul_(1 - LEARNING_RATE * DECAY).add_(update, alpha=-LEARNING_RATE)
    return weights.flatten().tolist()


def main():
    print(f"// Written by optimizer_reference.py with PyTorch {torch.__version__}.\n#pragma once\n\n#include <cstddef>\n#include <cstdint>\n#include <vector>\n")
    print("namespace tests {\n\nstruct MuonReference {\n  std::size_t outputs, inputs;\n  unsigned seed;\n"
          "  std::vector<double> weights;  ///< after three steps\n};\n")
    print("inline const std::vector<MuonReference> muon_references = {")
    for seed, (outputs, inputs) in enumerate(SHAPES, start=10):
        values = ", ".join(f"{value:.9f}" for value in trained(outputs, inputs, 10 * seed))
        print(f"    {{{outputs}, {inputs}, {10 * seed}, {{{values}}}}},")
    print("};\n")
    logits = torch.tensor(numbers(3 * 7, 1), requires_grad=True)
    targets = [2, 0, 6]
    torch.nn.functional.cross_entropy(4 * logits.view(3, 7), torch.tensor(targets), label_smoothing=0.1,
                                      reduction="sum").backward()
    print("/// The cross-entropy of 3 rows of 7 logits, smoothed by 0.1.\nstruct SmoothingReference {\n"
          "  std::vector<std::int32_t> targets;\n  std::vector<double> logits, gradient;\n};\n")
    rows = (targets, (4 * logits).tolist(), [f"{value / 4:.9f}" for value in logits.grad.tolist()])
    print("inline const SmoothingReference smoothing_reference = {")
    print(",\n".join("    {" + ", ".join(map(str, row)) + "}" for row in rows) + "};\n\n}  // namespace tests")


main()
