"""Loads a base and an adapter as transformers and peft do, and makes a base and an adapter of its own.

Arguments: base directory, adapter directory, output directory, tokens as JSON.
Prints the logits of every position as JSON, for each of the four.
"""
import json
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

base_dir, adapter_dir, out_dir, tokens = sys.argv[1:4] + [json.loads(sys.argv[4])]


def load(directory):
    return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].tolist()


result = {"ourBase": logits(load(base_dir))}
result["ourAdapter"] = logits(PeftModel.from_pretrained(load(base_dir), adapter_dir).eval())

torch.manual_seed(1)
model = load(base_dir)
with torch.no_grad():
    for parameter in model.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
model.save_pretrained(f"{out_dir}/base")
result["theirBase"] = logits(model)
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
config = LoraConfig(r=6, lora_alpha=9, target_modules=targets, task_type="CAUSAL_LM", init_lora_weights=False)
adapted = get_peft_model(model, config).eval()
adapted.save_pretrained(f"{out_dir}/adapter")
result["theirAdapter"] = logits(adapted)
print(json.dumps(result))
