import sys

sys.dont_write_bytecode = True  # what Python would leave beside the sources would be taken for part of the genome

import json
import os

from gateway import ask_model
from review import summary, training_items
from tools import Toolbox

max_turns = 24


def main():
    """Reads {lineage, generation, strategies, evals}, lets the model edit this directory, prints {summary}."""
    brief = json.load(sys.stdin)
    said = improve(brief, Toolbox(os.getcwd()))
    print(json.dumps({"summary": said}))


def improve(brief, toolbox):
    """An ordinary tool loop: until the model has nothing more to call, or for `max_turns` answers."""
    messages = opening_messages(brief)
    last_text = "nothing was said"
    for turn in range(max_turns):
        message = next_message(messages, toolbox.tools, turn)
        last_text = message.get("content") or last_text
        if not message.get("tool_calls"):
            return last_text
        messages.append(message)
        for call in message["tool_calls"]:
            result = toolbox.call(call["function"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    return f"stopped after {max_turns} turns: {last_text}"


def next_message(messages, tools, turn):
    """When the gateway stops answering midway, the edits made so far stand."""
    try:
        return ask_model(messages, tools)
    except Exception as error:
        if turn == 0:
            raise
        return {"role": "assistant", "content": f"stopped early: {error}"}


def opening_messages(brief):
    strategies = brief.get("strategies", [])
    evals = brief.get("evals", [])
    task = [
        f"You are lineage {brief['lineage']}, making generation {brief['generation']}.",
        f"strategies/: {', '.join(described(name) for name in strategies) or 'empty'}",
        f"evals/: {', '.join(evals) or 'empty'}",
        summary(training_items()),
        "Look around, make your change, then answer without a tool call: one or two sentences on what you changed and why.",
    ]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "prompt.md"), encoding="utf-8") as prompt:
        system = prompt.read()
    return [{"role": "system", "content": system}, {"role": "user", "content": "\n".join(task)}]


def described(name):
    """A published strategy with its score, where it is told."""
    path = f"strategies/{name}/metadata.json"
    if not os.path.exists(path):
        return name
    with open(path, encoding="utf-8") as file:
        score = json.load(file).get("score")
    return f"{name} (score {score:.3f})" if isinstance(score, (int, float)) else name


if __name__ == "__main__":
    main()
