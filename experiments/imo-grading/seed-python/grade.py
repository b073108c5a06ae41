import os

from gateway import ask_model
from points import read_points

tries = 2


def grade(situation):
    """The points that the model gives; None when it did not say so in any of its tries."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rubric.md"), encoding="utf-8") as rubric:
        system = rubric.read()
    messages = [{"role": "system", "content": system}, {"role": "user", "content": sheet(situation)}]
    for _ in range(tries):
        content = ask_model(messages).get("content") or ""
        points = read_points(content)
        if points is not None:
            return points
        messages.append({"role": "assistant", "content": content or "(nothing)"})
        again = 'Answer with one line: "Points: 0", "Points: 1", "Points: 6" or "Points: 7".'
        messages.append({"role": "user", "content": again})
    return None


def sheet(situation):
    """What is known of an item, the student's text last."""
    titles = {
        "problem": "Problem",
        "reference": "Reference solution",
        "guidelines": "Grading guidelines",
        "response": "Student's answer",
    }
    return "\n\n".join(f"## {title}\n\n{situation[name]}" for name, title in titles.items() if name in situation)
