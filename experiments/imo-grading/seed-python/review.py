# python3 review.py                 what the last measurement on the training items says
# python3 review.py <situation>     one item that was graded wrong, as text
# python3 review.py <situation> --json | python3 task.py
import json
import os
import sys

grades = [0, 1, 6, 7]


def training_items():
    """The training items as the environment measured them, or an empty list."""
    if not os.path.exists("evals/train.json"):
        return []
    with open("evals/train.json", encoding="utf-8") as file:
        items = (json.load(file) or {}).get("items", [])
    return [item for item in items if item["consequence"]["status"] == "measured"]


def summary(items):
    """Accuracy, mean error, which grade was given for which label, and the names of the items that were graded wrong."""
    if not items:
        return "Nothing was measured on training items."
    details = [item["consequence"]["details"] for item in items]

    def mean(name):
        return f"{sum(one['measures'][name] for one in details) / len(details):.3f}"

    def given(label):
        counts = [(p, sum(one["label"] == label and one["points"] == p for one in details)) for p in [*grades, None]]
        return " ".join(f"{'none' if p is None else p}×{count}" for p, count in counts)

    wrong = [item["situation"] for item in items if item["consequence"]["details"]["measures"]["accuracy"] == 0]
    return "\n".join(
        [
            f"{len(items)} training items: accuracy {mean('accuracy')}, normalized absolute error {mean('absoluteError')}.",
            "Points given, by label:",
            *[f"label {label}: {given(label)}" for label in grades],
            f"Graded wrong: {', '.join(wrong) or 'none'}",
        ]
    )


def main(situation=None, form=None):
    items = training_items()
    if situation is None:
        return summary(items)
    found = [item["consequence"].get("details", {}) for item in items if item["situation"] == situation]
    details = found[0] if found else {}
    shown = details.get("shown")
    if shown is None:
        return f"nothing is shown of {situation}"
    if form == "--json":
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    points = "none" if details["points"] is None else details["points"]
    texts = [f"## {name}\n\n{text}" for name, text in shown.items()]
    return "\n\n".join([f"A human gave {details['label']} points, you gave {points}.", *texts])


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    print(main(*sys.argv[1:3]))
