"""Records penalised multinomial logistic regressions solved by PyTorch: fixtures/logistic.json.

    python3 recording/record_logistic.py

float64, torch.optim.LBFGS to convergence, autograd's gradient: nothing in common with the engine's solver but the
objective, sum_i w_i CE_i + l2/2 |W|^2 + 0.01/2 |b|^2. One problem has more rows than columns, one fewer.
"""
import json
import os

import torch

torch.manual_seed(7)
problems = []
for rows, columns, classes, l2 in [(40, 6, 3, 0.5), (12, 30, 2, 0.05), (15, 40, 4, 2.0)]:
    y = torch.arange(rows) % classes
    x = torch.randn(rows, columns, dtype=torch.float64) + 0.5 * torch.nn.functional.one_hot(y, columns)
    # What JSON holds is what was solved.
    x = (x * 1e4).round() / 1e4
    weights = 0.5 + (torch.arange(rows) % 3).double() / 2
    w = torch.zeros(classes, columns, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [w, b], max_iter=10_000, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        losses = torch.nn.functional.cross_entropy(x @ w.T + b, y, reduction="none")
        value = (weights * losses).sum() + l2 / 2 * w.square().sum() + 0.01 / 2 * b.square().sum()
        value.backward()
        return value

    optimizer.step(closure)
    value = closure().item()
    problems.append(
        {
            **{"rows": rows, "columns": columns, "classes": classes, "l2": l2, "value": value},
            **{"gradient": max(w.grad.abs().max().item(), b.grad.abs().max().item())},
            **{"x": x.flatten().tolist(), "y": y.tolist(), "rowWeights": weights.tolist()},
            **{"weight": w.flatten().tolist(), "bias": b.tolist()},
        }
    )
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/logistic.json"), "w") as file:
    json.dump({"torch": torch.__version__, "problems": problems}, file)
    file.write("\n")
