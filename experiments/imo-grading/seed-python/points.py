import re

words = {"incorrect": 0, "partial": 1, "almost": 6, "correct": 7}
quotes = r"""["'*_`\s]*"""
grade = r"(incorrect|partial|almost|correct|[0-7](?![0-9.]*[0-9]))"
# "Points: 6", "**Grade:** almost", "the score is 6/7", {"points": 6}, \boxed{6}
stated = re.compile(rf"(?:points?|grade|score|verdict|boxed){quotes}[:={{]?{quotes}(?:is\s+)?{grade}\b", re.I)
# A last line such as "6", "6/7", "6 points", "almost."
at_the_end = re.compile(rf"(?:^|\s){quotes}{grade}(?:\s*/\s*7|\s+out of 7|\s+points?)?{quotes}\.?{quotes}\Z", re.I)
thoughts = re.compile(r"\A[\s\S]*</think(?:ing)?>", re.I)


def read_points(answer):
    """The grade a model's answer ends in: 0, 1, 6 or 7; None when it says none. What it thought aloud before does not count."""
    text = thoughts.sub("", answer).strip()
    found = [match.group(1) for match in stated.finditer(text)]
    last = at_the_end.search(text.split("\n")[-1])
    if not found and last is None:
        return None
    said = (found[-1] if found else last.group(1)).lower()
    points = words[said] if said in words else int(said)
    return points if points in words.values() else None
