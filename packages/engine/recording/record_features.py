"""Records what PyTorch says of a few texts: fixtures/features.json, which engine.test.ts holds the engine to.

    node recording/tokenize.mjs <tokenizer.json> 256 < recording/texts.jsonl > ids.jsonl
    python3 recording/record_features.py <folder of all-MiniLM-L6-v2> ids.jsonl

Of each text the mean-pooled outputs of layers 4 to 6, each of unit length; the last is the sentence embedding. float64.
"""
import glob
import json
import os
import sys

import torch

from bert import Bert

folder, ids_path = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))
bert = Bert(os.path.join(folder, "config.json"), glob.glob(os.path.join(folder, "*.safetensors"))[0], torch.float64)
with open(os.path.join(here, "texts.jsonl")) as file:
    texts = [json.loads(line) for line in file]
with open(ids_path) as file:
    ids = [json.loads(line) for line in file]
rows = []
for text, tokens in zip(texts, ids, strict=True):
    pooled = bert.pooled(tokens)[3:]
    unit = pooled / pooled.norm(dim=1, keepdim=True)
    rows.append({"text": text, "tokens": len(tokens), "features": [round(x, 7) for x in unit.flatten().tolist()]})
with open(os.path.join(here, "../fixtures/features.json"), "w") as file:
    json.dump({"torch": torch.__version__, "layers": [4, 5, 6], "rows": rows}, file)
    file.write("\n")
